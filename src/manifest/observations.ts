import type { Digest } from "../identity/identity.ts";
import type { AttemptRecord, RunRecord, StepOutcome, StepRecord } from "../run/run-record.ts";
import { inOrder } from "./in-order.ts";

/** How a done step came by its result. */
export type How =
  | Pick<Extract<StepOutcome, { kind: "succeeded" }>, "isolation" | "cause">
  | Pick<Extract<StepOutcome, { kind: "cached" }>, "isolation" | "from" | "domain">;

export interface StepObservations {
  readonly name: string;
  /** Null for a step that was not done. */
  readonly how: How | null;
  /** The step that kept this one from starting, null for all others. */
  readonly because: string | null;
  /** Peak of a step that ran out of memory, in bytes. */
  readonly peakBytes: number | null;
  readonly attempts: readonly AttemptRecord[];
  readonly nonDeterministic: readonly Digest[];
}

/** What was seen on the way: times, attempts, machine, and what came from a cache. */
export interface Observations {
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly host: RunRecord["host"];
  readonly steps: readonly StepObservations[];
}

export function observationsOf(record: RunRecord): Observations {
  return {
    startedAt: record.startedAt,
    finishedAt: record.finishedAt,
    host: inOrder(record.host),
    steps: record.steps.map(stepObservations),
  };
}

function stepObservations({ name, outcome, attempts, nonDeterministic }: StepRecord): StepObservations {
  return {
    name,
    how: howOf(outcome),
    because: outcome.kind === "not-started" ? outcome.because : null,
    peakBytes: outcome.kind === "failed" && outcome.failure.kind === "oom" ? outcome.failure.peakBytes : null,
    attempts: inOrder(attempts),
    nonDeterministic,
  };
}

function howOf(outcome: StepOutcome): How | null {
  if (outcome.kind === "succeeded") return { isolation: outcome.isolation, cause: inOrder(outcome.cause) };
  if (outcome.kind === "cached") return { isolation: outcome.isolation, from: outcome.from, domain: outcome.domain };
  return null;
}
