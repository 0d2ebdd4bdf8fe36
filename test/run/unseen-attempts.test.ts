import { expect, test } from "vitest";

import { digestOf, hexOf } from "../../src/identity/identity.ts";
import type { AttemptRecord, RunRecord, StepRecord } from "../../src/run/run-record.ts";
import { withUnseen } from "../../src/run/unseen-attempts.ts";
import { resultOf } from "../builders/result.ts";

const KEY = digestOf("the key");
const NAME = hexOf(KEY).slice(0, 16);
const { made } = resultOf(KEY, []);
const LOST = "its end was never heard of: who performed or awaited it was lost, or the queue was emptied";
const TOLD = { attempt: 1, startedAt: "2026-01-01T00:00:00.000Z", failure: null } as AttemptRecord;

function recorded(kind: "succeeded" | "cached", attempts: readonly AttemptRecord[]): RunRecord {
  const steps = [{ key: KEY, outcome: { kind }, attempts } as unknown as StepRecord];
  return { id: made.run, steps } as unknown as RunRecord;
}

const begun = (...seconds: readonly number[]): { readonly id: string; readonly startedAt: string }[] =>
  seconds.map((second) => ({ id: `${NAME}-1`, startedAt: `2026-01-01T00:00:0${second}.000Z` }));

/** Failures of the step's attempts, in their order. */
function failures(record: RunRecord, of: ReturnType<typeof begun>): readonly (string | null)[] {
  const steps = withUnseen(record, of, () => made).steps;
  return (steps[0]?.attempts ?? []).map(({ failure }) => (failure?.kind === "lost" ? failure.why : null));
}

test("an attempt that began and whose end nobody heard is recorded as lost, beside the one that gave the result", () => {
  expect(failures(recorded("succeeded", [TOLD]), begun(1, 2))).toEqual([LOST, null]);
  expect(failures(recorded("cached", []), begun(1))).toEqual([LOST]);
});

test("what was made before its controller died is recorded from the result", () => {
  expect(failures(recorded("succeeded", []), begun(1))).toEqual([null]);
  expect(failures(recorded("succeeded", []), begun(1, 2))).toEqual([LOST, null]);
});

test("attempts that were all heard of, and those of other steps, change nothing", () => {
  const record = recorded("succeeded", [TOLD]);
  expect(withUnseen(record, begun(1), () => made)).toEqual(record);
  expect(withUnseen(record, [{ id: "0000000000000000-1", startedAt: "" }], () => made)).toEqual(record);
});

/** A step of which so many attempts began, and these were heard of. */
function step(kind: "succeeded" | "failed", attempts: readonly AttemptRecord[], key: string | null = KEY): RunRecord {
  const steps = [{ name: "s", key, outcome: { kind }, attempts } as unknown as StepRecord];
  return { id: made.run, steps } as unknown as RunRecord;
}
const FAILED: AttemptRecord = { ...TOLD, failure: { kind: "exit", code: 1 } };
const attemptsOf = (record: RunRecord): readonly AttemptRecord[] => record.steps[0]?.attempts ?? [];

test("what made the result is told by it: when it ended, less how long it took", () => {
  const result = {
    ...made,
    attempt: 2,
    finishedAt: "2026-01-01T00:00:10Z",
    profile: { ...made.profile, wallMs: 4_000 },
  };
  expect(attemptsOf(withUnseen(step("succeeded", []), begun(1), () => result))).toEqual([
    { attempt: 2, startedAt: "2026-01-01T00:00:06.000Z", profile: result.profile, failure: null, log: null },
  ]);
});

test("a result of another run, none, or one of a step that failed tells of no attempt of this one", () => {
  const other = { ...made, run: "1".repeat(26) as typeof made.run };
  for (const [record, result] of [
    [step("succeeded", []), other],
    [step("succeeded", []), undefined],
    [step("failed", []), made],
  ] as const)
    expect(attemptsOf(withUnseen(record, begun(1), () => result)).map(({ failure }) => failure?.kind)).toEqual([
      "lost",
    ]);
});

test("an attempt that failed and was heard of is kept beside the one that made the result", () => {
  const record = withUnseen(step("succeeded", [FAILED]), begun(1, 2), () => made);
  expect(attemptsOf(record).map(({ failure }) => failure?.kind)).toEqual(["exit", undefined]);
});

test("the earliest of those that began are the ones that were not heard of, each by its number and time", () => {
  const of = [
    { id: `${NAME}-3`, startedAt: "2026-01-01T00:00:03.000Z" },
    { id: `${NAME}-1`, startedAt: "2026-01-01T00:00:01.000Z" },
    { id: `${NAME}-2`, startedAt: "2026-01-01T00:00:02.000Z" },
    { id: "0123456789abcdef-1", startedAt: "2026-01-01T00:00:00.000Z" },
  ];
  const attempts = attemptsOf(withUnseen(step("failed", [FAILED]), of, () => undefined));
  expect(attempts).toEqual([
    ...[1, 2].map((attempt) => ({
      attempt,
      startedAt: `2026-01-01T00:00:0${attempt}.000Z`,
      profile: { wallMs: 0, cpuUserMs: null, cpuSystemMs: null, peakBytes: null, method: "none" },
      failure: { kind: "lost", why: LOST },
      log: null,
    })),
    FAILED,
  ]);
});

test("a record of which nothing began, and a step without a key, stay the same", () => {
  const record = step("succeeded", []);
  expect(withUnseen(record, [], () => made)).toBe(record);
  const without = step("failed", [], null);
  expect(withUnseen(without, begun(1), () => undefined).steps[0]).toBe(without.steps[0]);
  const whole = step("succeeded", [TOLD]);
  expect(withUnseen(whole, begun(1), () => made).steps[0]).toBe(whole.steps[0]);
});
