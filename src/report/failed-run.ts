import { failedGate, type FailedGate } from "../diff/failed-gate.ts";
import type { RunId } from "../identity/identity.ts";
import { inOrder } from "./step-order.ts";
import type { DeclaredStep } from "../run/declared-step.ts";
import type { AttemptRecord, Failure, NearMiss, RunRecord } from "../run/run-record.ts";

/** One failed step as a report shows it. */
export interface FailedStep {
  readonly step: string;
  readonly failure: Failure;
  /** Wall time of the last attempt; null where none was started. */
  readonly afterMs: number | null;
  readonly attempts: number;
  /** The last lines of its log, redacted by whoever read them. */
  readonly tail: readonly string[];
  readonly nearMiss: NearMiss | null;
  /** Null where nobody knows what it declares any more. */
  readonly declared: DeclaredStep | null;
}

/** A failed run: what went wrong, what stays, what never began. */
export interface FailedRun {
  readonly run: RunId;
  readonly pipeline: string;
  readonly failed: readonly FailedStep[];
  /** Gates that stopped what follows, by the step whose metrics missed them. */
  readonly gates: readonly { readonly step: string; readonly failure: FailedGate["failure"] }[];
  /** Done in this run, or taken from an earlier one. */
  readonly kept: readonly string[];
  readonly notStarted: readonly { readonly step: string; readonly because: string }[];
  readonly cancelled: readonly string[];
}

/** What only the running process knows of a failed step: a record keeps logs by digest. */
export interface Evidence {
  readonly tail: (step: string) => readonly string[];
  readonly nearMiss: (step: string) => NearMiss | null;
  readonly declared: (step: string) => DeclaredStep | null;
}

/** A run that ended by a step that failed, or that was not allowed what it asked for. */
export function hasFailed({ status, steps }: RunRecord): boolean {
  return status === "failed" || (status === "refused" && steps.some(({ outcome }) => outcome.kind === "failed"));
}

export function failedRun(record: RunRecord, evidence: Evidence): FailedRun {
  const failed: FailedStep[] = [];
  const gates: { step: string; failure: FailedGate["failure"] }[] = [];
  const kept: string[] = [];
  const cancelled: string[] = [];
  const notStarted: { readonly step: string; readonly because: string }[] = [];
  for (const { name, outcome, attempts } of inOrder(record.steps)) {
    if (outcome.kind === "failed") failed.push(failedStep(name, { failure: outcome.failure, attempts }, evidence));
    else if (outcome.kind === "succeeded" || outcome.kind === "cached") {
      kept.push(name);
      const gate = failedGate(record.metricSpecs, name, outcome);
      if (gate?.stops === true) gates.push({ step: name, failure: gate.failure });
    } else if (outcome.kind === "cancelled") cancelled.push(name);
    else if (outcome.kind === "not-started") notStarted.push({ step: name, because: outcome.because });
  }
  return { run: record.id, pipeline: record.pipeline.name, failed, gates, kept, notStarted, cancelled };
}

function failedStep(
  step: string,
  { failure, attempts }: { readonly failure: Failure; readonly attempts: readonly AttemptRecord[] },
  evidence: Evidence,
): FailedStep {
  const last = attempts.at(-1);
  const started = last !== undefined && failure.kind !== "refused" && failure.kind !== "environment";
  return {
    step,
    failure,
    afterMs: started ? last.profile.wallMs : null,
    attempts: attempts.length,
    tail: evidence.tail(step),
    nearMiss: evidence.nearMiss(step),
    declared: evidence.declared(step),
  };
}
