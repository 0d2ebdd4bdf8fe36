import { constants } from "node:os";

import type { V1ContainerStateTerminated, V1Job, V1Pod } from "@kubernetes/client-node";

import type { Failure } from "../run/run-record.ts";
import type { AttemptOrder } from "./executor.ts";

/** How far an attempt is, as its Job and its pod tell. */
export type Stand =
  /** Null patience: as long as a Job may wait for a node. */
  | { readonly kind: "waiting"; readonly why: string; readonly patienceMs: number | null }
  | { readonly kind: "running" }
  | Ended;

export interface Ended {
  readonly kind: "ended";
  readonly failure: Failure | null;
  readonly wallMs: number;
  /** False: something of the step may still run. */
  readonly stopped: boolean;
}

export interface Seen {
  readonly job: V1Job | undefined;
  readonly pod: V1Pod | undefined;
}

/** A registry or a node may be better after a moment. */
const PATIENCE_MS = 120_000;
const NO_START = new Set(["StartError", "ContainerCannotRun"]);
const AT_ONCE = new Set(["InvalidImageName", "ErrImageNeverPull"]);
const STARTING = new Set(["ContainerCreating", "PodInitializing"]);

/** Judges by the container's own status first: only there is it known that memory ran out, or with what the step ended. */
export function standOf({ job, pod }: Seen, order: AttemptOrder): Stand {
  if (pod === undefined) return withoutPod(job, order);
  const state = pod.status?.containerStatuses?.[0]?.state;
  const { phase, reason, message } = pod.status ?? {};
  const terminated = state?.terminated;
  if (terminated?.exitCode === 0 && reason === undefined) return ended(null, terminated);
  // Of a pod that was cut off it may be said before its container has ended.
  const stopped = terminated !== undefined;
  if (phase === "Failed" && reason !== undefined)
    return { ...ended(cutOff(order, reason, message), terminated), stopped };
  const gone = disruption(pod);
  if (gone !== undefined) return { ...ended(lost(gone), terminated), stopped };
  if (terminated !== undefined) return ended(failureOf(order, terminated), terminated);
  if (state?.running !== undefined) return { kind: "running" };
  if (phase === "Failed") return ended(lost("its pod failed and no container says why"), undefined);
  return waiting(pod);
}

/** Why an attempt came to nothing while it waited. */
export function neverRan(namespace: string, why: string): Failure {
  return {
    kind: "refused",
    why: `Kubernetes did not start it: ${why}`,
    next: `ask for less under \`resources:\`, or see what the cluster has with \`kubectl --namespace ${namespace} get events\``,
  };
}

export function lost(why: string): Failure {
  return { kind: "lost", why: `the Job of Kubernetes: ${why}` };
}

function withoutPod(job: V1Job | undefined, order: AttemptOrder): Stand {
  if (job === undefined) return ended(lost("it was deleted, and not by Sluice"), undefined);
  const failed = job.status?.conditions?.find(({ type, status }) => type === "Failed" && status === "True");
  if (failed !== undefined) return ended(cutOff(order, failed.reason ?? "Failed", failed.message), undefined);
  return { kind: "waiting", why: "no pod was made for it", patienceMs: null };
}

/** Ends that come from around the step: its node or the cluster ended it. */
function cutOff(order: AttemptOrder, reason: string, message: string | undefined): Failure {
  if (reason !== "DeadlineExceeded") return lost(worded(reason, message));
  if (order.timeoutMs !== null) return { kind: "timeout", limitMs: order.timeoutMs };
  return {
    kind: "refused",
    why: "its Job reached the longest time that one may take",
    next: "write `timeout:`, so that the Job asks for the time it needs",
  };
}

function disruption({ metadata, status }: V1Pod): string | undefined {
  const target = status?.conditions?.find((one) => one.type === "DisruptionTarget" && one.status === "True");
  if (target !== undefined) return worded(target.reason ?? "DisruptionTarget", target.message);
  return metadata?.deletionTimestamp === undefined ? undefined : "its pod was deleted, and not by Sluice";
}

function failureOf(order: AttemptOrder, { reason, exitCode, message }: V1ContainerStateTerminated): Failure {
  if (reason === "OOMKilled") return { kind: "oom", limitBytes: order.memoryBytes, peakBytes: null };
  if (NO_START.has(reason ?? ""))
    return {
      kind: "refused",
      why: `\`${order.argv[0] ?? ""}\` could not be started in the image: ${short(message ?? "")}`,
      next: "correct `run:`, or take an image that has it",
    };
  const signal = Object.entries(constants.signals).find(([, number]) => number === exitCode - 128)?.[0];
  return signal === undefined ? { kind: "exit", code: exitCode } : { kind: "signal", signal };
}

function waiting({ status }: V1Pod): Stand {
  const asked = status?.containerStatuses?.[0]?.state?.waiting;
  if (asked?.reason !== undefined && !STARTING.has(asked.reason)) {
    const patienceMs = AT_ONCE.has(asked.reason) ? 0 : PATIENCE_MS;
    return { kind: "waiting", why: worded(asked.reason, asked.message), patienceMs };
  }
  const unscheduled = status?.conditions?.find((one) => one.type === "PodScheduled" && one.status === "False");
  if (unscheduled !== undefined)
    return {
      kind: "waiting",
      why: worded(unscheduled.reason ?? "Unschedulable", unscheduled.message),
      patienceMs: null,
    };
  return { kind: "waiting", why: "its node did not begin with it", patienceMs: null };
}

function ended(failure: Failure | null, terminated: V1ContainerStateTerminated | undefined): Ended {
  const { startedAt, finishedAt } = terminated ?? {};
  const took = startedAt === undefined || finishedAt === undefined ? 0 : Number(finishedAt) - Number(startedAt);
  return { kind: "ended", failure, wallMs: Math.max(0, took), stopped: true };
}

function worded(reason: string, message: string | undefined): string {
  return message === undefined || message === "" ? reason : `${reason}: ${short(message)}`;
}

/** The cluster's words go into one line. */
function short(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim().slice(0, 300);
}
