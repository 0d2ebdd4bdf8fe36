import { basename } from "node:path";

import { digestOf } from "../identity/identity.ts";
import type { Failure } from "../run/run-record.ts";
import { endedBefore } from "./attempt-end.ts";
import type { AttemptEnd, AttemptOrder } from "./executor.ts";
import { POLICY, type Cluster } from "./kubernetes-cluster.ts";
import { CLOSED, jobDocument, NETWORK_LABEL, secretDocument, type JobPlan } from "./kubernetes-document.ts";
import type { KubernetesJobs, Look } from "./kubernetes-jobs.ts";
import { followLog, type FollowedLog } from "./kubernetes-log.ts";
import { insideClaim, type KubernetesExecutorOptions, type KubernetesPlace } from "./kubernetes-place.ts";
import { lost, neverRan, standOf, type Ended, type Stand } from "./kubernetes-stand.ts";
import { LONGEST_TIMER_MS } from "./longest-timer.ts";
import type { Pulse } from "./pulse.ts";
import { shownIn } from "./shown.ts";
import { redactLog } from "./redact-log.ts";

/** What the attempts of one worker share. */
export interface Worker {
  readonly cluster: Cluster;
  readonly options: KubernetesExecutorOptions;
  readonly jobs: KubernetesJobs;
  readonly pulse: Pulse;
  /** Values of labels. */
  readonly service: string;
  readonly name: string;
  /** Jobs that somebody waits for. */
  readonly awaited: Set<string>;
}

interface Asked {
  readonly order: AttemptOrder;
  readonly signal: AbortSignal;
}

/** A pod on a node that does not answer cannot be ended from here. */
const LEAVE_MS = 60_000;

/** One attempt as a Job, from its making to its removal. */
export async function runAsJob(worker: Worker, place: KubernetesPlace, { order, signal }: Asked): Promise<AttemptEnd> {
  const plan = planOf(worker, place, order);
  if ("kind" in plan) return endedBefore(plan);
  const open = await networkFailure(worker.cluster, order);
  if (open !== undefined) return endedBefore(open);
  if (signal.aborted) return { ...endedBefore({ kind: "lost", why: "" }), failure: null, cancelled: true };
  worker.awaited.add(plan.name);
  try {
    const refused = await make(worker.cluster, plan);
    if (refused !== undefined) {
      // The answer alone may have been lost.
      await worker.cluster.remove(plan.name);
      return endedBefore(refused);
    }
    const end = await attend(worker, place, { plan, signal });
    order.ending?.();
    redactLog(place.log, order.secrets);
    return end;
  } finally {
    worker.awaited.delete(plan.name);
  }
}

function planOf(worker: Worker, place: KubernetesPlace, order: AttemptOrder): JobPlan | Failure {
  const { options } = worker;
  if (order.environment.kind !== "image") return NO_IMAGE;
  const workspace = insideClaim(options, place.workspace);
  if (workspace === undefined) return outside(place.workspace, options);
  const shown = [];
  for (const { source, path, writable } of shownIn(order)) {
    const subPath = insideClaim(options, source);
    if (subPath === undefined) return outside(source, options);
    shown.push({ subPath, path, writable });
  }
  return {
    pool: options.pool,
    order,
    image: order.environment.image,
    name: `sluice-${digestOf(`${order.id}:${place.root}`).slice("sha256:".length, "sha256:".length + 32)}`,
    service: worker.service,
    worker: worker.name,
    pulse: basename(worker.pulse.path),
    workspace,
    shown,
    user: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
  };
}

const NO_IMAGE: Failure = {
  kind: "refused",
  why: "a Job of Kubernetes needs an image",
  next: "write `environment: { image: …@sha256:… }`",
};

function outside(path: string, { pool, data }: KubernetesExecutorOptions): Failure {
  return {
    kind: "refused",
    why: `\`${path}\` does not lie in \`${data}\`, which is all that a Job sees of this machine`,
    next: `keep it in the claim \`${pool.claim}\``,
  };
}

/** A step that did not ask for the network gets none, or does not run. */
async function networkFailure(cluster: Cluster, { network }: AttemptOrder): Promise<Failure | undefined> {
  if (network) return undefined;
  const closed = await cluster.closesNetwork();
  if (closed === true) return undefined;
  if (closed === undefined) return lost("the API server does not answer");
  return {
    kind: "refused",
    why: `nothing closes the network to it: the namespace \`${cluster.namespace}\` has no NetworkPolicy \`${POLICY}\` for \`${NETWORK_LABEL}: ${CLOSED}\` that this worker may read`,
    next: "kubectl apply -f docs/kubernetes.yaml",
  };
}

async function make(cluster: Cluster, plan: JobPlan): Promise<Failure | undefined> {
  const job = await cluster.createJob(jobDocument(plan));
  if (job.kind !== "created") return job;
  // The pod waits for it.
  return Object.keys(plan.order.secrets).length === 0 ? undefined : cluster.createSecret(secretDocument(plan, job.uid));
}

/** Waits for a Job's end, and brings it about where the step takes too long, waits too long or is cancelled. */
async function attend(
  { cluster, jobs, options }: Worker,
  place: KubernetesPlace,
  { plan, signal }: { readonly plan: JobPlan; readonly signal: AbortSignal },
): Promise<AttemptEnd> {
  const { order, name } = plan;
  const waits = waitingRoom(options.pool.pendingMs, options.pool.namespace);
  let log: FollowedLog | undefined;
  let timer: NodeJS.Timeout | undefined;
  const end = await new Promise<Ended & { readonly cancelled: boolean }>((resolve) => {
    const settle = (ended: Ended, cancelled = false): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", cancel);
      watching.over();
      resolve({ ...ended, cancelled });
    };
    const cancel = (): void => settle(STOPPED, true);
    const watching = jobs.watch(name, (look) => {
      const stand = look.kind === "seen" ? standOf(look, order) : { ...STOPPED, failure: look };
      const pod = look.kind === "seen" ? look.pod?.metadata?.name : undefined;
      if (stand.kind !== "waiting" && pod !== undefined) log ??= followLog(cluster, pod, place.log);
      if (stand.kind === "ended") settle(stand);
      else if (stand.kind === "waiting") {
        const failure = waits(stand);
        if (failure !== undefined) settle({ ...STOPPED, failure });
      } else if (order.timeoutMs !== null) {
        const failure = { kind: "timeout", limitMs: order.timeoutMs } as const;
        const over = (): void => settle({ ...STOPPED, failure, wallMs: failure.limitMs });
        timer ??= setTimeout(over, Math.min(order.timeoutMs, LONGEST_TIMER_MS));
      }
    });
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel, { once: true });
  });
  const words = log?.end();
  // A pod's last words go with it; where it still runs, they come while it is ended.
  if (end.stopped) await words;
  const gone = await leave(cluster, jobs, { name, stopped: end.stopped });
  await words;
  const profile = { wallMs: end.wallMs, cpuUserMs: null, cpuSystemMs: null, peakBytes: null, method: "none" } as const;
  const { failure, cancelled } = end;
  return { kind: "ended", failure, cancelled, profile, ...(gone ? {} : { lingers: true }) };
}

/** Ended by us: what runs has still to be stopped. */
const STOPPED: Ended = { kind: "ended", failure: null, wallMs: 0, stopped: false };

/** How long each reason to wait may last. */
function waitingRoom(
  pendingMs: number,
  namespace: string,
): (stand: Extract<Stand, { readonly kind: "waiting" }>) => Failure | undefined {
  const began = performance.now();
  let hindered: number | undefined;
  return ({ why, patienceMs }) => {
    const now = performance.now();
    hindered = patienceMs === null ? undefined : (hindered ?? now);
    const over = hindered === undefined ? now - began > pendingMs : now - hindered >= (patienceMs ?? 0);
    return over ? neverRan(namespace, why) : undefined;
  };
}

/** Removes a Job with its pod, and waits where the step may still run; false: it was not seen gone. */
async function leave(
  cluster: Cluster,
  jobs: KubernetesJobs,
  { name, stopped }: { readonly name: string; readonly stopped: boolean },
): Promise<boolean> {
  const asked = await cluster.remove(name);
  if (stopped && asked) return true;
  return new Promise((resolve) => {
    const over = (gone: boolean): void => {
      clearTimeout(timer);
      watching.over();
      resolve(gone || stopped);
    };
    const timer = setTimeout(() => over(false), LEAVE_MS);
    const watching = jobs.watch(name, (look: Look) => {
      if (look.kind !== "seen") over(false);
      else if (look.job === undefined && look.pod === undefined) over(true);
      else if (look.job?.metadata?.deletionTimestamp === undefined) void cluster.remove(name);
    });
  });
}
