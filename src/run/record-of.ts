import type { Digest } from "../identity/identity.ts";
import { resultDigest } from "../key/key-document.ts";
import type { MetricSpec } from "../pipeline/pipeline.ts";
import type { WorkOrder } from "../plan/plan.ts";
import { isOver, type RunState, type StageState } from "./advance.ts";
import type { RunRecord, StepOutcome, StepRecord } from "./run-record.ts";
import type { StepTrace } from "./step-trace.ts";

export type RunIdentity = Pick<
  RunRecord,
  | "id"
  | "repository"
  | "source"
  | "dirty"
  | "request"
  | "trigger"
  | "requestedBy"
  | "overrides"
  | "environmentDrift"
  | "sources"
  | "datasets"
  | "startedAt"
  | "finishedAt"
  | "host"
>;

/** The record of a run that has ended, from what is known of its steps. */
export function recordOf(
  identity: RunIdentity,
  order: WorkOrder,
  end: { readonly state: RunState; readonly traces: readonly StepTrace[]; readonly cancelled: boolean },
): RunRecord {
  const followed = new Set(order.steps.flatMap((step) => step.after));
  const steps = end.traces.map((trace) =>
    stepRecord(identity, trace, {
      stage: end.state.stages.get(trace.step.name),
      terminal: !followed.has(trace.step.name),
    }),
  );
  return {
    ...identity,
    pipeline: order.pipeline,
    approvedBy: [],
    pullRequest: null,
    status: statusOf(steps, end),
    plan: order.digest,
    params: order.params,
    metricSpecs: order.metrics.map(withoutPlace),
    steps,
  };
}

/** Where a metric stands in its file says nothing about the run. */
function withoutPlace({ name, step, goal, tolerance, gate, gateAction }: MetricSpec): Omit<MetricSpec, "at"> {
  return { name, step, goal, tolerance, gate, gateAction };
}

function statusOf(
  steps: readonly StepRecord[],
  end: { readonly traces: readonly StepTrace[]; readonly cancelled: boolean },
): RunRecord["status"] {
  if (end.cancelled) return "cancelled";
  const failed = end.traces.some((trace) => trace.failure !== null);
  const complete = steps.every(
    ({ outcome }) => outcome.kind === "succeeded" || outcome.kind === "cached" || outcome.kind === "withheld",
  );
  return failed || !complete ? "failed" : "succeeded";
}

function stepRecord(
  identity: RunIdentity,
  trace: StepTrace,
  { stage, terminal }: { readonly stage: StageState | undefined; readonly terminal: boolean },
): StepRecord {
  return {
    name: trace.step.name,
    id: trace.step.id,
    key: trace.key,
    document: trace.document,
    outcome: outcomeOf(identity, trace, stage),
    terminal,
    attempts: trace.attempts,
    nonDeterministic: trace.different,
  };
}

function outcomeOf(identity: RunIdentity, trace: StepTrace, stage: StageState | undefined): StepOutcome {
  if (trace.result !== null) {
    const result: Digest = resultDigest(trace.result);
    const { facts, made } = trace.result;
    // What an interrupted process of this very run computed is this run's own, not a cache hit.
    if (trace.cached && made.run !== identity.id) {
      return { kind: "cached", result, facts, isolation: made.isolation, from: made.run, domain: made.domain };
    }
    return { kind: "succeeded", result, facts, isolation: made.isolation, cause: trace.cause };
  }
  if (trace.failure !== null) return { kind: "failed", failure: trace.failure };
  if (trace.cancelled) return { kind: "cancelled" };
  if (stage?.kind === "withheld") {
    const why = trace.step.step.effects ? "it changes the outside world" : "what it comes after is left out";
    return { kind: "withheld", why };
  }
  if (stage?.kind === "not-started") return { kind: "not-started", because: stage.because };
  return {
    kind: "not-started",
    because: stage !== undefined && isOver(stage) ? trace.step.name : "the run stopped before",
  };
}
