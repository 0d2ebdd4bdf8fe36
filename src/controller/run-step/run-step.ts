import type { Attempt } from "../../executor/executor.ts";
import type { Digest } from "../../identity/identity.ts";
import { nearMiss as findNearMiss, readBy } from "../../run/near-miss.ts";
import { redact, redactFailure } from "../../run/redact.ts";
import type { AttemptRecord, Failure } from "../../run/run-record.ts";
import type { StepEnd, StepJob } from "../../run/step-job.ts";
import { attemptOrder } from "./attempt-order.ts";
import { collectOutputs } from "./collect-outputs.ts";
import { keepResult } from "./keep-result.ts";
import { dropCheckpoint } from "./step-checkpoint.ts";
import type { Following, StepContext, StepPorts } from "./step-context.ts";

const TAIL_LINES = 20;
const TAIL_BYTES = 16_384;

/** One attempt of one step: workspace, process, outputs into the store, the result created once. */
export async function runStep(
  ports: StepPorts,
  context: StepContext,
  job: StepJob,
  signal: AbortSignal,
): Promise<StepEnd> {
  const startedAt = new Date(ports.clock.now()).toISOString();
  const order = await attemptOrder(ports, context, job);
  if ("failure" in order) return refusedBefore(startedAt, job, order.failure);
  let following: Following | undefined;
  const attempt = await ports.executor.start({ ...order.order, ending: () => following?.drain() }, signal);
  following = context.follow?.(job, attempt.log, Object.values(order.order.secrets));
  context.started(job);
  try {
    const end = await attempt.ended;
    if (end.lingers === true && context.lost?.aborted !== true) dropCheckpoint(ports, context, job);
    await following?.end();
    const record = (failure: Failure | null, log: Digest | null): AttemptRecord => ({
      attempt: job.attempt,
      startedAt,
      profile: end.profile,
      failure,
      log,
    });
    const log = await keepLog(ports, attempt);
    if (end.cancelled) return { kind: "cancelled", attempt: record(null, log) };
    const collected = end.failure === null ? await collectOutputs(ports, job, attempt) : end.failure;
    const found = "kind" in collected ? collected : await context.changed(job);
    // A path that a step wrote may be named after what it was to keep to itself.
    const failure = found && redactFailure(found, Object.values(order.order.secrets));
    if (failure !== undefined)
      return failedWith(ports, context, { job, attempt, failure, record: record(failure, log) });
    if ("kind" in collected) throw new Error("unreachable: a failure was handled before");
    if (context.lost?.aborted === true) return { kind: "cancelled", attempt: record(null, log) };
    const drifted = attempt.drifted === true;
    const isolation = attempt.isolation ?? ports.executor.isolation;
    const kept = await keepResult(ports, context, {
      job,
      collected,
      end,
      isolation,
      drifted,
      record: record(null, log),
    });
    dropCheckpoint(ports, context, job);
    const remarks = collected.remarks.map((remark) => redact(remark, Object.values(order.order.secrets)));
    return kept.kind === "succeeded" && remarks.length > 0 ? { ...kept, remarks } : kept;
  } finally {
    following?.drain();
    await attempt.dispose();
  }
}

function refusedBefore(startedAt: string, job: StepJob, failure: Failure): StepEnd {
  return {
    kind: "failed",
    failure,
    attempt: {
      attempt: job.attempt,
      startedAt,
      profile: { wallMs: 0, cpuUserMs: null, cpuSystemMs: null, peakBytes: null, method: "none" },
      failure,
      log: null,
    },
    tail: [],
    nearMiss: undefined,
  };
}

/** The whole log goes into the store, so that a manifest can name it by digest; an empty one is no object. */
async function keepLog(ports: StepPorts, attempt: Attempt): Promise<Digest | null> {
  if (ports.logs.size(attempt.log) === 0) return null;
  const kept = await ports.logs.kept(attempt.log, (path) => ports.store.ingestCopy(path));
  return kept.kind === "ok" ? kept.record.digest : null;
}

async function failedWith(
  ports: StepPorts,
  context: StepContext,
  failed: {
    readonly job: StepJob;
    readonly attempt: Attempt;
    readonly failure: Failure;
    readonly record: AttemptRecord;
  },
): Promise<StepEnd> {
  const text = ports.logs.tail(failed.attempt.log, TAIL_BYTES);
  const lines = text.split("\n").filter((line) => line !== "");
  const { inputs, step } = failed.job.step;
  const miss = findNearMiss(text, context.exists, {
    read: readBy(inputs),
    declared: step.inputs,
    ...(context.root === undefined ? {} : { root: context.root }),
  });
  return {
    kind: "failed",
    failure: failed.failure,
    attempt: failed.record,
    tail: lines.slice(-TAIL_LINES),
    nearMiss: miss,
  };
}
