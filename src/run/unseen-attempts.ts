import { hexOf } from "../identity/identity.ts";
import type { StepResult } from "../key/key-document.ts";
import type { AttemptRecord, RunRecord, StepRecord } from "./run-record.ts";

/** An attempt that a worker said it began, before it did. */
export interface BegunAttempt {
  /** As the job of one attempt of a step is named: the beginning of its key, and its number. */
  readonly id: string;
  /** RFC 3339 UTC. */
  readonly startedAt: string;
}

const UNSEEN = "its end was never heard of: who performed or awaited it was lost, or the queue was emptied";

/**
 * A record with every attempt that was begun. Its coordinator knows those whose ends reached it; of the others only
 * that they began is known, and the one that made the result is known by its result.
 */
export function withUnseen(
  record: RunRecord,
  begun: readonly BegunAttempt[],
  made: (step: StepRecord) => StepResult["made"] | undefined,
): RunRecord {
  if (begun.length === 0) return record;
  return { ...record, steps: record.steps.map((step) => stepWithUnseen(record, step, { begun, made: made(step) })) };
}

function stepWithUnseen(
  { id: run }: RunRecord,
  step: StepRecord,
  { begun, made }: { readonly begun: readonly BegunAttempt[]; readonly made: StepResult["made"] | undefined },
): StepRecord {
  if (step.key === null) return step;
  const name = hexOf(step.key).slice(0, 16);
  const mine = begun.filter(({ id }) => id.slice(0, id.lastIndexOf("-")) === name);
  const attempts = [...step.attempts];
  const told = attempts.some(({ failure }) => failure === null);
  if (step.outcome.kind === "succeeded" && made?.run === run && !told) attempts.push(attemptOf(made));
  const missing = mine.length - attempts.length;
  if (missing <= 0) return attempts.length === step.attempts.length ? step : { ...step, attempts };
  // Which of them were heard of cannot be told apart: the earliest are the ones that were not.
  const unseen = mine.toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : 1)).slice(0, missing);
  return { ...step, attempts: [...unseen.map(lostAttempt), ...attempts] };
}

function attemptOf({ attempt, finishedAt, profile, log }: StepResult["made"]): AttemptRecord {
  const startedAt = new Date(Date.parse(finishedAt) - profile.wallMs).toISOString();
  return { attempt, startedAt, profile, failure: null, log };
}

function lostAttempt({ id, startedAt }: BegunAttempt): AttemptRecord {
  const profile = { wallMs: 0, cpuUserMs: null, cpuSystemMs: null, peakBytes: null, method: "none" } as const;
  const attempt = Number(id.slice(id.lastIndexOf("-") + 1));
  return { attempt, startedAt, profile, failure: { kind: "lost", why: UNSEEN }, log: null };
}
