import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { digestOf, hexOf, type RunId } from "../../src/identity/identity.ts";
import type { AttemptRecord, RunRecord, StepRecord } from "../../src/run/run-record.ts";
import { withUnseen } from "../../src/run/unseen-attempts.ts";
import { begunAttempts } from "../../src/store/begun-attempts.ts";
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

test("what a worker began is there for every process until its run is recorded", async () => {
  const root = mkdtempSync(join(tmpdir(), "sluice-begun-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const [run, other] = ["0".repeat(26), "1".repeat(26)] as [RunId, RunId];
  await begunAttempts(root).begin(run, `${NAME}-1`);
  await begunAttempts(root).begin(run, `${NAME}-1`);
  await begunAttempts(root).begin(other, `${NAME}-2`);
  const after = begunAttempts(root);
  expect((await after.of(run)).map(({ id }) => id)).toEqual([`${NAME}-1`, `${NAME}-1`]);
  await after.forget(run);
  expect(await after.of(run)).toEqual([]);
  expect(await after.of(other)).toHaveLength(1);
});
