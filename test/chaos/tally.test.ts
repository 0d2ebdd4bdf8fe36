import { expect, test } from "vitest";

import type { RunId } from "../../src/identity/identity.ts";
import type { AttemptRecord, RunRecord, StepRecord } from "../../src/run/run-record.ts";
import { tallyOf } from "./tally.ts";

const LOST = { failure: { kind: "lost", why: "its worker died" } } as AttemptRecord;
const FINE = { failure: null } as AttemptRecord;

function run(id: string, step: { readonly computed: boolean; readonly attempts: readonly AttemptRecord[] }): RunRecord {
  const outcome = step.computed ? { kind: "succeeded", cause: { kind: "first-run" } } : { kind: "cached" };
  const steps = [{ name: "train", outcome, attempts: step.attempts } as unknown as StepRecord];
  return { id, trigger: "push", params: { value: 7 }, steps } as unknown as RunRecord;
}

function tally(
  records: readonly RunRecord[],
  of: { readonly accepted?: readonly string[]; readonly times?: number; readonly ids?: readonly string[] },
): ReturnType<typeof tallyOf> {
  const ids = (of.ids ?? records.map(({ id }) => id)) as readonly RunId[];
  return tallyOf({ ids, records }, new Set(of.accepted ?? ids), new Map([["train(7)", of.times ?? 1]]));
}

test("an accepted run without a manifest is lost, one with two is doubled", () => {
  const record = run("a", { computed: true, attempts: [FINE] });
  expect(tally([record], { accepted: ["a", "b"] }).lost).toEqual(["b"]);
  expect(tally([record], { ids: ["a", "a"] }).doubled).toEqual(["a"]);
  expect(tally([record], {})).toEqual({ lost: [], doubled: [], recomputed: [], unexplained: [] });
});

test("a computation that a lost attempt accounts for is explained, one that nobody recorded is not", () => {
  const lost = run("a", { computed: true, attempts: [LOST, FINE] });
  expect(tally([lost], { times: 2 })).toMatchObject({ recomputed: ["train(7) 2 times"], unexplained: [] });
  expect(tally([lost], { times: 3 }).unexplained).toEqual(["train(7)"]);
});

test("two runs that say they computed the same are one computation too many", () => {
  const records = [
    run("a", { computed: true, attempts: [FINE] }),
    run("b", { computed: true, attempts: [FINE] }),
    run("c", { computed: false, attempts: [] }),
  ];
  expect(tally(records, {}).unexplained).toEqual(["train(7)"]);
});
