import type * as Client from "@kubernetes/client-node";
import type {
  BatchV1Api,
  CoreV1Api,
  KubeConfig,
  NetworkingV1Api,
  V1Job,
  V1Pod,
  V1Secret,
} from "@kubernetes/client-node";

import type { Failure } from "../run/run-record.ts";
import { CLOSED, NETWORK_LABEL } from "./kubernetes-document.ts";

/** One namespace of a cluster, as its API offers it. */
export interface Cluster {
  readonly namespace: string;
  createJob(job: V1Job): Promise<{ readonly kind: "created"; readonly uid: string } | Failure>;
  /** Undefined: it is there now. */
  createSecret(secret: V1Secret): Promise<Failure | undefined>;
  /** Jobs and pods with a label; lost: no answer. */
  list(selector: string): Promise<Listed | Failure>;
  /** A Job with its pods and its Secret; false: no answer. */
  remove(job: string): Promise<boolean>;
  /** True where pods that ask for no network get none. */
  closesNetwork(): Promise<boolean | undefined>;
  readonly config: KubeConfig;
}

export interface Listed {
  readonly kind: "listed";
  readonly jobs: readonly V1Job[];
  readonly pods: readonly V1Pod[];
}

/** The NetworkPolicy that closes the network to steps without `network:`. */
export const POLICY = "sluice-no-network";
/** An API server that does not answer would keep an attempt for minutes. */
const LONGEST_MS = 30_000;
const FALLBACK = "http://localhost:8080";

export type ClusterHere = { readonly kind: "cluster"; readonly cluster: Cluster } | Failure;

/** The cluster that KUBECONFIG, `~/.kube/config` or the worker's own pod names. */
export async function clusterHere(namespace: string): Promise<ClusterHere> {
  let kubernetes: typeof Client;
  try {
    kubernetes = await import("@kubernetes/client-node");
  } catch {
    return {
      kind: "refused",
      why: "it runs as a Job of Kubernetes, and its client is not installed here",
      next: "npm install @kubernetes/client-node",
    };
  }
  const config = new kubernetes.KubeConfig();
  try {
    config.loadFromDefault();
  } catch (error) {
    return noCluster(`: ${error instanceof Error ? error.message : String(error)}`);
  }
  const server = config.getCurrentCluster()?.server;
  if (server === undefined || server === FALLBACK) return noCluster("");
  const apis = {
    batch: config.makeApiClient(kubernetes.BatchV1Api),
    core: config.makeApiClient(kubernetes.CoreV1Api),
    networking: config.makeApiClient(kubernetes.NetworkingV1Api),
  };
  return { kind: "cluster", cluster: clusterOf(namespace, config, apis) };
}

function noCluster(why: string): Failure {
  return {
    kind: "refused",
    why: `it runs as a Job of Kubernetes, and no cluster is named here${why}`,
    next: "start the worker in the cluster with a service account, or set KUBECONFIG",
  };
}

function clusterOf(
  namespace: string,
  config: KubeConfig,
  {
    batch,
    core,
    networking,
  }: { readonly batch: BatchV1Api; readonly core: CoreV1Api; readonly networking: NetworkingV1Api },
): Cluster {
  return {
    namespace,
    config,
    async createJob(body) {
      const name = body.metadata?.name ?? "";
      const create = (): Promise<Asked<V1Job>> => ask(() => batch.createNamespacedJob({ namespace, body }));
      const first = await create();
      // An answer may be lost on its way; nobody else makes a Job of this name.
      const asked = first.kind === "away" ? await create() : first;
      const made =
        asked.kind === "refused" && asked.code === 409
          ? await ask(() => batch.readNamespacedJob({ namespace, name }))
          : asked;
      if (made.kind !== "ok") return failureOf(made, "takes no such Job");
      return { kind: "created", uid: made.value.metadata?.uid ?? "" };
    },
    async createSecret(body) {
      const made = await ask(() => core.createNamespacedSecret({ namespace, body }));
      return made.kind === "ok" || (made.kind === "refused" && made.code === 409)
        ? undefined
        : failureOf(made, "takes no Secret");
    },
    async list(labelSelector) {
      const jobs = await ask(() => batch.listNamespacedJob({ namespace, labelSelector }));
      // Asked after the Jobs: a pod is never older than its Job.
      const pods = await ask(() => core.listNamespacedPod({ namespace, labelSelector }));
      if (jobs.kind !== "ok") return failureOf(jobs, "shows no Jobs");
      if (pods.kind !== "ok") return failureOf(pods, "shows no pods");
      return { kind: "listed", jobs: jobs.value.items, pods: pods.value.items };
    },
    async remove(name) {
      const propagationPolicy = "Foreground";
      const asked = await ask(() => batch.deleteNamespacedJob({ namespace, name, propagationPolicy }));
      return asked.kind === "ok" || (asked.kind === "refused" && asked.code === 404);
    },
    async closesNetwork() {
      const read = await ask(() => networking.readNamespacedNetworkPolicy({ namespace, name: POLICY }));
      if (read.kind === "away") return undefined;
      if (read.kind === "refused") return false;
      const { podSelector, policyTypes, ingress, egress } = read.value.spec ?? {};
      const { matchLabels = {}, matchExpressions = [] } = podSelector ?? {};
      const forAll = Object.entries(matchLabels).every(([name, value]) => name === NETWORK_LABEL && value === CLOSED);
      const both = policyTypes?.includes("Ingress") === true && policyTypes.includes("Egress");
      return forAll && both && [matchExpressions, ingress ?? [], egress ?? []].every((rules) => rules.length === 0);
    },
  };
}

type Asked<Value> =
  | { readonly kind: "ok"; readonly value: Value }
  | { readonly kind: "refused"; readonly code: number; readonly message: string }
  | { readonly kind: "away"; readonly why: string };

/** One question to the API server. */
async function ask<Value>(question: () => Promise<Value>): Promise<Asked<Value>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${LONGEST_MS / 1_000} s`)), LONGEST_MS);
  });
  try {
    return { kind: "ok", value: await Promise.race([question(), late]) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const code = "code" in error && typeof error.code === "number" ? error.code : undefined;
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
    if (code === undefined) return { kind: "away", why: `${error.message}${cause}` };
    const message = messageOf("body" in error ? error.body : undefined) ?? `HTTP ${code}`;
    return code >= 500 || code === 429 ? { kind: "away", why: message } : { kind: "refused", code, message };
  } finally {
    clearTimeout(timer);
  }
}

function failureOf(asked: Exclude<Asked<unknown>, { readonly kind: "ok" }>, what: string): Failure {
  if (asked.kind === "away") return { kind: "lost", why: `the API server of Kubernetes: ${asked.why.slice(0, 300)}` };
  const barred = asked.code === 401 || (asked.code === 403 && asked.message.includes("cannot"));
  return {
    kind: "refused",
    why: `Kubernetes ${what}: ${asked.message.replaceAll(/\s+/g, " ").slice(0, 300)}`,
    next: barred
      ? "give the worker's account the Role of docs/kubernetes.yaml: kubectl apply -f docs/kubernetes.yaml"
      : "correct the step's `resources:` and `env:`, or `kubernetes:` in the operator's file",
  };
}

/** What the API server says in its Status, which comes as a text or read already. */
function messageOf(body: unknown): string | undefined {
  let status: unknown = body;
  try {
    if (typeof body === "string") status = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof status !== "object" || status === null || !("message" in status)) return undefined;
  return typeof status.message === "string" ? status.message : undefined;
}
