import { expect, test } from "vitest";

import { diffRuns } from "../../src/diff/run-diff.ts";
import { digestOf } from "../../src/identity/identity.ts";
import type { MetricValue } from "../../src/key/key-document.ts";
import type { Failure, RunRecord, StepRecord } from "../../src/run/run-record.ts";
import { digitsRun, doneStep } from "../manifest/run-records.ts";

const step = (name: string, outputs: Readonly<Record<string, string>>): StepRecord =>
  doneStep(name, { inputs: [], outputs });

function withOutcome(kind: "cached" | "failed" | "cancelled", of: StepRecord): StepRecord {
  const { outcome } = of;
  if (outcome.kind !== "succeeded") throw new Error("a done step has succeeded");
  const failure: Failure = { kind: "exit", code: 1 };
  const { result, facts, isolation } = outcome;
  const cached = { kind: "cached", result, facts, isolation, from: digitsRun().id, domain: "local" } as const;
  if (kind === "cached") return { ...of, attempts: [], outcome: cached };
  const attempts = of.attempts.map((attempt) => ({ ...attempt, failure }));
  return { ...of, attempts, outcome: kind === "failed" ? { kind, failure, nearMiss: null } : { kind } } as StepRecord;
}

/** A run with one step that writes these metrics; the goals, tolerances and gates are those of accuracy and log_loss. */
function measured(metrics: Readonly<Record<string, MetricValue>>, more: Partial<RunRecord> = {}): RunRecord {
  return digitsRun({
    datasets: [],
    steps: [doneStep("evaluate", { inputs: [], outputs: { "m.json": JSON.stringify(metrics) }, metrics })],
    ...more,
  });
}
const named = (run: RunRecord, other: RunRecord) =>
  Object.fromEntries(diffRuns(run, other).metrics.map((metric) => [metric.name, metric]));

test("both runs are named with how they ended and what they ran", () => {
  const [from, to] = [digitsRun({ status: "failed" }), digitsRun({ request: "local:2" })];
  const diff = diffRuns(from, to);
  expect([diff.from, diff.to]).toEqual([
    { run: from.id, status: "failed", source: from.source },
    { run: to.id, status: "succeeded", source: to.source },
  ]);
});

test("a changed parameter is told by its leaf, with null, lists and maps as values of their own", () => {
  const from = { same: { a: [1, { b: 2 }] }, gone: 1, list: [1], map: { x: null, y: 1 }, kind: { a: 1 } };
  const to = { same: { a: [1, { b: 2 }] }, list: [1, 2], map: { x: 0, y: 1, z: {} }, kind: [1], added: null };
  expect(diffRuns(digitsRun({ params: from }), digitsRun({ params: to })).parameters).toEqual([
    { name: "added", from: undefined, to: null },
    { name: "gone", from: 1, to: undefined },
    { name: "kind", from: { a: 1 }, to: [1] },
    { name: "list", from: [1], to: [1, 2] },
    { name: "map.x", from: null, to: 0 },
    { name: "map.z", from: undefined, to: {} },
  ]);
  expect(diffRuns(digitsRun({ params: { a: null } }), digitsRun({ params: { a: null } })).parameters).toEqual([]);
  expect(diffRuns(digitsRun({ params: { a: null } }), digitsRun({ params: { a: { b: 1 } } })).parameters).toEqual([
    { name: "a", from: null, to: { b: 1 } },
  ]);
});

test("steps are told side by side, in the order of their ids, with the outputs that differ", () => {
  const from = digitsRun({
    steps: [step("b", { same: "1", changed: "1", gone: "1" }), step("a", { x: "1" }), step("was", { y: "1" })],
  });
  const to = digitsRun({
    steps: [step("a", { x: "1" }), step("b", { same: "1", changed: "2", came: "1" }), step("new", { z: "1" })],
  });
  const took = { fromMs: 412.5, toMs: 412.5 };
  expect(diffRuns(from, to).steps).toEqual([
    { step: "a", from: "succeeded", to: "succeeded", sameKey: true, outputs: [], ...took },
    {
      step: "b",
      from: "succeeded",
      to: "succeeded",
      sameKey: false,
      outputs: [
        { path: "came", change: "added" },
        { path: "changed", change: "changed" },
        { path: "gone", change: "removed" },
      ],
      ...took,
    },
    {
      step: "new",
      from: "absent",
      to: "succeeded",
      sameKey: false,
      outputs: [{ path: "z", change: "added" }],
      ...took,
      fromMs: null,
    },
    {
      step: "was",
      from: "succeeded",
      to: "absent",
      sameKey: false,
      outputs: [{ path: "y", change: "removed" }],
      ...took,
      toMs: null,
    },
  ]);
});

test("a step that has another name and the same id is one, called as it is now", () => {
  const [was, is] = [step("old", { x: "1" }), { ...step("new", { x: "1" }), id: "old" }];
  const diff = diffRuns(digitsRun({ steps: [was] }), digitsRun({ steps: [is] }));
  expect(diff.steps.map(({ step: name, from, to }) => [name, from, to])).toEqual([["new", "succeeded", "succeeded"]]);
});

test("what was cached has its outputs and no time, what failed or was stopped neither", () => {
  const done = step("a", { x: "1" });
  const told = (one: StepRecord) => {
    const [found] = diffRuns(digitsRun({ steps: [] }), digitsRun({ steps: [one] })).steps;
    return [found?.to, found?.outputs.length, found?.toMs];
  };
  expect(told(done)).toEqual(["succeeded", 1, 412.5]);
  expect(told(withOutcome("cached", done))).toEqual(["cached", 1, null]);
  expect(told(withOutcome("failed", done))).toEqual(["failed", 0, null]);
  expect(told(withOutcome("cancelled", done))).toEqual(["cancelled", 0, null]);
});

test("two steps without keys have not the same one", () => {
  const unknown = digitsRun({ steps: [{ ...step("a", {}), key: null }] });
  expect(diffRuns(unknown, unknown).steps[0]?.sameKey).toBe(false);
  const known = digitsRun({ steps: [step("a", {})] });
  expect(diffRuns(unknown, known).steps[0]?.sameKey).toBe(false);
});

test("the time of a step is that of the attempt that gave the result", () => {
  const done = step("a", { x: "1" });
  const [first] = done.attempts;
  if (first === undefined) throw new Error("it was attempted");
  const again = {
    ...done,
    attempts: [
      { ...first, failure: { kind: "exit", code: 1 } as const, profile: { ...first.profile, wallMs: 1 } },
      { ...first, attempt: 2, profile: { ...first.profile, wallMs: 7 } },
    ],
  };
  expect(diffRuns(digitsRun({ steps: [done] }), digitsRun({ steps: [again] })).steps[0]).toMatchObject({ toMs: 7 });
});

test("declared metrics come first as they are declared, then all others by name", () => {
  const run = measured({ zeta: 1, log_loss: 1, alpha: 1, accuracy: 1 });
  expect(Object.keys(named(run, measured({ beta: 1 })))).toEqual(["accuracy", "log_loss", "alpha", "beta", "zeta"]);
});

test("each metric has the values of both sides, its difference and what is declared of it", () => {
  const metrics = named(
    measured({ accuracy: 0.96, other: 2, gone: 1 }),
    measured({ accuracy: 0.94, other: 1.5, came: 1 }),
  );
  expect(metrics["accuracy"]).toEqual({
    name: "accuracy",
    step: "evaluate",
    goal: "higher",
    tolerance: { kind: "absolute", value: 0.002 },
    from: 0.96,
    to: 0.94,
    delta: 0.94 - 0.96,
    verdict: { kind: "worse" },
    gate: { kind: "failed", gate: ">= 0.95" },
  });
  expect(metrics["other"]).toEqual({
    name: "other",
    step: "evaluate",
    goal: null,
    tolerance: null,
    from: 2,
    to: 1.5,
    delta: -0.5,
    verdict: { kind: "informational" },
    gate: null,
  });
  expect(metrics["came"]).toMatchObject({
    from: undefined,
    to: 1,
    delta: null,
    verdict: { kind: "missing", side: "from" },
  });
  expect(metrics["gone"]).toMatchObject({
    from: 1,
    to: undefined,
    delta: null,
    verdict: { kind: "missing", side: "to" },
  });
  expect(metrics["log_loss"]).toMatchObject({ delta: null, verdict: { kind: "missing", side: "both" }, gate: null });
});

test.each<[MetricValue, MetricValue, number | null]>([
  [1, 3, 2],
  ["9007199254740993", "9007199254740995", 2],
  ["9007199254740993", 9007199254740991, -2],
  [-0.5, "9007199254740994", 2 ** 53 + 2],
  [1, "NaN", null],
  ["Infinity", 1, null],
  [`${-17n * 10n ** 307n}`, `${17n * 10n ** 307n}`, null],
])("the difference from %j to %j is %j", (from, to, delta) => {
  expect(named(measured({ m: from }), measured({ m: to }))["m"]?.delta).toBe(delta);
});

test("a metric belongs to the step that declares it, else to the first that writes it", () => {
  const writes = (name: string, value: number): StepRecord =>
    doneStep(name, { inputs: [], outputs: { [name]: String(value) }, metrics: { accuracy: value, other: value } });
  const run = measured({}, { steps: [writes("early", 1), writes("evaluate", 2), writes("late", 3)] });
  const metrics = named(run, run);
  expect([metrics["accuracy"]?.to, metrics["accuracy"]?.step]).toEqual([2, "evaluate"]);
  expect([metrics["other"]?.to, metrics["other"]?.step]).toEqual([1, "early"]);
  const cached = {
    ...run,
    steps: [withOutcome("cached", writes("evaluate", 4)), withOutcome("failed", writes("late", 5))],
  };
  expect([named(run, cached)["accuracy"]?.to, named(run, cached)["other"]?.to]).toEqual([4, 4]);
});

test.each<[string, readonly [MetricValue | undefined, MetricValue | undefined], readonly [MetricValue, MetricValue]]>([
  ["better", [0.96, 0.97], [1, 1]],
  ["better", [0.96, 0.96], [1, 0.5]],
  ["worse", [0.97, 0.96], [1, 1]],
  ["worse", [0.97, 0.96], [1, 2]],
  ["mixed", [0.96, 0.97], [1, 2]],
  ["within-tolerance", [0.96, 0.961], [1, 1.001]],
  ["mixed", [0.96, "NaN"], [1, 0.5]],
  ["mixed", [0.96, undefined], [1, 1]],
  ["worse", [0.96, "NaN"], [1, 2]],
  ["within-tolerance", ["NaN", 0.9], [1, 1]],
  ["within-tolerance", [undefined, 0.9], [1, 1]],
])("it is %s on the whole where accuracy goes %j and loss %j", (overall, [a, b], [c, d]) => {
  const both = (accuracy: MetricValue | undefined, loss: MetricValue): RunRecord =>
    measured({ ...(accuracy !== undefined && { accuracy }), log_loss: loss });
  expect(diffRuns(both(a, c), both(b, d)).overall).toBe(overall);
});

test("numbers that nobody judges say nothing on the whole", () => {
  expect(diffRuns(measured({ other: 1 }), measured({ other: 2 })).overall).toBe("not-judged");
  expect(diffRuns(measured({}), measured({})).overall).toBe("not-judged");
});

test("datasets are told by their names", () => {
  const [dataset] = digitsRun().datasets;
  if (dataset === undefined) throw new Error("no dataset");
  const later = digitsRun({
    datasets: [
      { ...dataset, digest: digestOf("new") },
      { ...dataset, name: "more" },
    ],
  });
  expect(diffRuns(digitsRun(), later).data).toEqual([
    { path: "more", change: "added" },
    { path: "raw", change: "changed" },
  ]);
});
