import type { V1Job, V1PodSpec, V1ResourceRequirements, V1Secret, V1VolumeMount } from "@kubernetes/client-node";

import type { KubernetesPool } from "../pipeline/operator.ts";
import type { AttemptOrder } from "./executor.ts";
import { HOME, WORKSPACE } from "./sandbox.ts";
import { environmentOf } from "./step-environment.ts";

/** The label that says whether a NetworkPolicy closes the network to a Job's pod, and its values. */
export const NETWORK_LABEL = "sluice/network";
export const CLOSED = "none";
export const SERVICE_LABEL = "sluice/service";
export const WORKER_LABEL = "sluice/worker";
/** The file of the worker that made a Job, by name. */
export const PULSE_ANNOTATION = "sluice/pulse";
export const CONTAINER = "step";

/** One attempt as a Job: what of it comes from people stands in `order` alone. */
export interface JobPlan {
  readonly pool: KubernetesPool;
  readonly order: AttemptOrder;
  /** Full name with digest. */
  readonly image: string;
  /** Made of digests: a name and values of labels that the cluster takes. */
  readonly name: string;
  readonly service: string;
  readonly worker: string;
  readonly pulse: string;
  /** The attempt's workspace, inside the claim. */
  readonly workspace: string;
  readonly shown: readonly { readonly subPath: string; readonly path: string; readonly writable: boolean }[];
  /** Whom files belong to: the worker's user. */
  readonly user: { readonly uid: number; readonly gid: number };
}

/** Between asking a step to end and ending it. */
const GRACE_S = 2;
/** The worker keeps the step's time; this is for a worker that cannot, and has to cover the pulling of an image. */
const SLACK_S = 600;
/** A step without `timeout:` is ended after so long. */
const LONGEST_S = 7 * 86_400;
/** A Job that its worker did not remove goes by itself so long after its end. */
const KEPT_S = 3_600;

/** The Job that runs one attempt: one pod, begun once, with nothing of the cluster but the attempt's part of the claim. */
export function jobDocument(plan: JobPlan): V1Job {
  const { name, pool, order } = plan;
  const labels = {
    "app.kubernetes.io/managed-by": "sluice",
    [SERVICE_LABEL]: plan.service,
    [WORKER_LABEL]: plan.worker,
    [NETWORK_LABEL]: order.network ? "open" : CLOSED,
  };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name,
      namespace: pool.namespace,
      labels,
      annotations: { "sluice/attempt": order.id, [PULSE_ANNOTATION]: plan.pulse },
    },
    spec: {
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      podReplacementPolicy: "Failed",
      ttlSecondsAfterFinished: KEPT_S,
      template: { metadata: { labels }, spec: podOf(plan) },
    },
  };
}

/** The secrets of one attempt; they go with its Job. */
export function secretDocument({ name, pool, order, service }: JobPlan, uid: string): V1Secret {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    immutable: true,
    metadata: {
      name,
      namespace: pool.namespace,
      labels: { "app.kubernetes.io/managed-by": "sluice", [SERVICE_LABEL]: service },
      ownerReferences: [{ apiVersion: "batch/v1", kind: "Job", name, uid }],
    },
    data: Object.fromEntries(
      secretNames(order).map((one, at) => [keyOf(at), Buffer.from(order.secrets[one] ?? "").toString("base64")]),
    ),
  };
}

function podOf(plan: JobPlan): V1PodSpec {
  const { pool, order, user } = plan;
  return {
    activeDeadlineSeconds: order.timeoutMs === null ? LONGEST_S : Math.ceil(order.timeoutMs / 1_000) + SLACK_S,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    // The pod's own name would be another in each attempt.
    hostname: CONTAINER,
    restartPolicy: "Never",
    // Without it the step would be process 1, which hears no TERM and inherits every orphan.
    shareProcessNamespace: true,
    terminationGracePeriodSeconds: GRACE_S,
    securityContext: {
      runAsUser: user.uid,
      runAsGroup: user.gid,
      runAsNonRoot: user.uid !== 0,
      seccompProfile: { type: "RuntimeDefault" },
    },
    nodeSelector: { ...pool.nodeSelector },
    tolerations: pool.tolerations.map(({ key, value, effect }) => ({
      key,
      ...(value === null ? { operator: "Exists" } : { operator: "Equal", value }),
      ...(effect === null ? {} : { effect }),
    })),
    volumes: [
      { name: "data", persistentVolumeClaim: { claimName: pool.claim } },
      { name: "home", emptyDir: {} },
      { name: "tmp", emptyDir: {} },
      { name: "shm", emptyDir: { medium: "Memory" } },
    ],
    containers: [
      {
        name: CONTAINER,
        image: plan.image,
        imagePullPolicy: "IfNotPresent",
        command: order.argv.map(literal),
        workingDir: WORKSPACE,
        env: [...variables(plan)],
        resources: resourcesOf(plan),
        securityContext: {
          allowPrivilegeEscalation: false,
          capabilities: { drop: ["ALL"] },
          readOnlyRootFilesystem: true,
        },
        volumeMounts: [...mountsOf(plan)],
      },
    ],
  };
}

function mountsOf({ workspace, shown }: JobPlan): readonly V1VolumeMount[] {
  return [
    { name: "data", mountPath: WORKSPACE, subPath: workspace },
    ...shown.map(({ subPath, path, writable }) => ({
      name: "data",
      mountPath: `${WORKSPACE}/${path}`,
      subPath,
      readOnly: !writable,
    })),
    { name: "home", mountPath: HOME },
    { name: "tmp", mountPath: "/tmp" },
    { name: "shm", mountPath: "/dev/shm" },
  ];
}

function resourcesOf({ order, pool }: JobPlan): V1ResourceRequirements {
  const { cpus, gpus } = order.batch ?? { cpus: 1, gpus: 0 };
  const all = {
    cpu: `${Math.max(1, Math.round(cpus * 1_000))}m`,
    ...(order.memoryBytes === null ? {} : { memory: String(order.memoryBytes) }),
    ...(gpus === 0 ? {} : { [pool.gpu]: String(gpus) }),
  };
  return { requests: all, limits: { ...all } };
}

type Variable = NonNullable<V1PodSpec["containers"][number]["env"]>[number];

function variables({ name: secret, order }: JobPlan): readonly Variable[] {
  const secrets = secretNames(order);
  // PATH is the image's.
  const { PATH: _, ...env } = environmentOf(
    order,
    { environment: { path: [], env: {}, readOnly: [], nodeModules: null }, path: "" },
    { home: HOME, temporary: "/tmp" },
  );
  return Object.entries(env).map(([name, value]) => {
    const at = secrets.indexOf(name);
    return at === -1 || value !== order.secrets[name]
      ? { name, value: literal(value) }
      : { name, valueFrom: { secretKeyRef: { name: secret, key: keyOf(at) } } };
  });
}

function secretNames(order: AttemptOrder): readonly string[] {
  return Object.keys(order.secrets).toSorted();
}

function keyOf(at: number): string {
  return `value-${at}`;
}

/** Kubernetes replaces `$(NAME)` in arguments and values; two dollars are one. */
function literal(text: string): string {
  return text.replaceAll("$", "$$$$");
}
