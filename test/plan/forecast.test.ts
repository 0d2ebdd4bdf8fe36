import { expect, test } from "vitest";

import { digestOf, type Digest } from "../../src/identity/identity.ts";
import { keyOf, type StepResult } from "../../src/key/key-document.ts";
import { causeAgainst, forecast, previousOf, type ForecastOptions } from "../../src/plan/forecast.ts";
import type { Facts, Forecast, PastStep, WorkOrder, WorkStep } from "../../src/plan/plan.ts";
import { pastSteps } from "../../src/plan/past-steps.ts";
import { ordered } from "../builders/pipeline.ts";
import { resultOf } from "../builders/result.ts";

const chain = (change: Readonly<Record<string, string>> = {}): WorkOrder =>
  ordered(
    `version: 1
params: { rate: ${change["rate"] ?? 1} }
steps:
  prepare: { run: p, inputs: [in.csv], outputs: [out/clean/] }
  train: { run: t, inputs: [out/clean/, lib.py], params: [rate], outputs: [out/model] }
  judge: { run: j, inputs: [out/model, out/clean/a.csv], outputs: [out/judged] }
`,
    { "in.csv": change["in"] ?? "1", "lib.py": change["lib"] ?? "2" },
  );

function stepOf(order: WorkOrder, name: string): WorkStep {
  const found = order.steps.find((step) => step.name === name);
  if (found === undefined) throw new Error(`no step ${name}`);
  return found;
}

const NOTHING: Facts = {
  result: () => undefined,
  evicted: () => false,
  previous: () => [],
  part: () => undefined,
  durations: () => [],
};
const PLAIN: ForecastOptions = { forced: new Set(), withEffects: false };

const past = (step: WorkStep, more: Partial<PastStep> = {}): PastStep => ({
  name: step.name,
  id: step.id,
  key: keyOf(step.document),
  document: step.document,
  result: null,
  ...more,
});
const verdicts = (made: Forecast) => Object.fromEntries(made.steps.map(({ step, verdict }) => [step, verdict]));

const OUTPUTS = {
  prepare: { path: "out/clean", kind: "directory" },
  train: { path: "out/model", kind: "file" },
  judge: { path: "out/judged", kind: "file" },
} as const;
/** Results of the first so many steps, found as a run would have found them: one key after the other. */
function ran(order: WorkOrder, count: number, bytes = "same"): Pick<Facts, "result" | "part"> {
  const results = new Map<Digest, StepResult>();
  const facts = {
    result: (key: Digest) => results.get(key),
    part: () => ({ kind: "file", digest: digestOf("part") }) as const,
  };
  for (let made = 0; made < count; made++) {
    const verdict = forecast(order, { ...NOTHING, ...facts }, PLAIN).steps[made]?.verdict;
    const name = order.steps[made]?.name as keyof typeof OUTPUTS;
    if (verdict?.kind !== "run") throw new Error("it has no result yet");
    results.set(verdict.key, resultOf(verdict.key, [{ ...OUTPUTS[name], digest: digestOf(bytes) }]));
  }
  return facts;
}

test("a step with a result is cached, the next one runs by its real inputs, what follows depends on that", () => {
  const order = chain();
  const { prepare, train, judge } = verdicts(forecast(order, { ...NOTHING, ...ran(order, 1) }, PLAIN));
  const run = resultOf(digestOf(""), []).made.run;
  expect(prepare).toMatchObject({ kind: "cached", key: stepOf(order, "prepare").symbol, from: run });
  expect(train).toMatchObject({ kind: "run", cause: { kind: "first-run" } });
  expect(judge).toEqual({ kind: "depends", on: ["train"], root: ["train"], changes: [] });
});

test("on what has not been made a step depends once, however much of it it reads, and the roots are told", () => {
  const { train, judge } = verdicts(forecast(chain(), NOTHING, PLAIN));
  expect(train).toEqual({ kind: "depends", on: ["prepare"], root: ["prepare"], changes: [] });
  expect(judge).toEqual({ kind: "depends", on: ["prepare", "train"], root: ["prepare"], changes: [] });
});

test("a step that depends and has changes of its own is told with them, and is a root of what follows", () => {
  const before = chain();
  const after = chain({ rate: "2", in: "2", lib: "3" });
  const known = { ...NOTHING, previous: () => before.steps.map((step) => past(step)) };
  const { prepare, train, judge } = verdicts(forecast(after, known, PLAIN));
  expect(prepare).toMatchObject({
    kind: "run",
    cause: { kind: "changed", changes: [{ kind: "input", path: "in.csv", change: "changed" }] },
  });
  expect(train).toEqual({
    kind: "depends",
    on: ["prepare"],
    root: ["prepare"],
    changes: [
      { kind: "parameter", name: "rate", from: 1, to: 2 },
      { kind: "input", path: "lib.py", change: "changed" },
    ],
  });
  expect(judge).toEqual({ kind: "depends", on: ["prepare", "train"], root: ["prepare", "train"], changes: [] });
});

test("an input that another step writes since now is a change of the step that reads it", () => {
  const step = stepOf(chain(), "train");
  const fewer = { ...step.document, inputs: step.document.inputs.filter(({ kind }) => kind !== "output") };
  const previous = (): readonly PastStep[] => [past(step, { document: fewer })];
  expect(verdicts(forecast(chain(), { ...NOTHING, previous }, PLAIN))["train"]).toMatchObject({
    changes: [{ kind: "input", path: "out/clean", change: "added" }],
  });
});

test("upstream bytes that differ are the cause, by the step that gave them", () => {
  const order = chain();
  const [old, now] = [ran(order, 1, "old"), ran(order, 1, "new")];
  const before = forecast(order, { ...NOTHING, ...old }, PLAIN);
  const previous = pastSteps(order, before, old);
  expect(verdicts(forecast(order, { ...NOTHING, ...now, previous: () => previous }, PLAIN))["train"]).toMatchObject({
    kind: "run",
    cause: { kind: "changed", changes: [{ kind: "upstream", path: "out/clean", step: "prepare" }] },
  });
});

test("what a plan would have run stands with its real inputs as far as they are known", () => {
  const order = chain();
  const facts = ran(order, 2);
  const steps = pastSteps(order, forecast(order, { ...NOTHING, ...facts }, PLAIN), facts);
  expect(steps.map(({ name, id, result }) => [name, id, result])).toEqual(
    order.steps.map(({ name, id }) => [name, id, null]),
  );
  expect(steps.map(({ document }) => document.inputs.some(({ kind }) => kind === "output"))).toEqual([
    false,
    false,
    false,
  ]);
  expect(steps.map(({ key, document }) => key === keyOf(document))).toEqual([true, true, true]);
  const unknown = pastSteps(order, null, facts);
  expect(unknown.map(({ document }) => document)).toEqual(order.steps.map(({ document }) => document));
});

test("of a directory the part that a step selects is in its key", () => {
  const order = chain();
  const facts = ran(order, 2);
  const keyWith = (bytes: string): unknown => {
    const part = () => ({ kind: "file", digest: digestOf(bytes) }) as const;
    const verdict = forecast(order, { ...NOTHING, ...facts, part }, PLAIN).steps[2]?.verdict;
    return verdict?.kind === "run" ? verdict.key : verdict?.kind;
  };
  expect(keyWith("one")).toBe(keyWith("one"));
  expect(keyWith("one")).not.toBe(keyWith("two"));
});

test("against its past a step is evicted, unfinished with how it failed, or changed", () => {
  const step = stepOf(chain(), "prepare");
  const { document } = step;
  const key = keyOf(document);
  const against = (more: Partial<PastStep>): unknown => causeAgainst(past(step, more), step, { key, document });
  const failed = { run: resultOf(key, []).made.run, why: "it said no" };
  expect(against({ result: digestOf("r") })).toEqual({ kind: "evicted" });
  expect(against({})).toEqual({ kind: "unfinished" });
  expect(against({ failed })).toEqual({ kind: "unfinished", failed });
  expect(against({ key: digestOf("other"), document: { ...document, salt: "x" } })).toEqual({
    kind: "changed",
    changes: [{ kind: "salt", from: '"x"', to: '""' }],
  });
});

test("evicted, forced and uncached go before what differs", () => {
  const text = (more: string): WorkOrder => ordered(`version: 1\nsteps:\n  s: { run: x, outputs: [o]${more} }\n`);
  const cause = (order: WorkOrder, facts: Partial<Facts>, options: Partial<ForecastOptions>): unknown => {
    const verdict = forecast(order, { ...NOTHING, ...facts }, { ...PLAIN, ...options }).steps[0]?.verdict;
    return verdict?.kind === "run" ? verdict.cause : verdict?.kind;
  };
  const result = (key: Digest): StepResult => resultOf(key, []);
  const forced = new Set(["s"]);
  expect(cause(text(""), { result }, {})).toBe("cached");
  expect(cause(text(""), { result }, { forced })).toEqual({ kind: "forced" });
  expect(cause(text(""), { evicted: () => true }, {})).toEqual({ kind: "evicted" });
  expect(cause(text(", cache: false"), { result }, {})).toEqual({ kind: "uncached", why: "cache: false" });
  expect(cause(text(", cache: false"), { result }, { forced })).toEqual({ kind: "forced" });
  expect(cause(text(", effects: true"), { result }, { withEffects: true })).toEqual({
    kind: "uncached",
    why: "effects",
  });
});

test("what changes the outside world is left out, with what comes after it, and the reason says what runs it", () => {
  const order = ordered(`version: 1
steps:
  a: { run: a, effects: true }
  b: { run: b, effects: true }
  c: { run: c, needs: [a, b] }
  d: { run: d, needs: [c] }
  e: { run: e }
`);
  const made = verdicts(forecast(order, NOTHING, PLAIN));
  const after = (names: string): object => ({
    kind: "withheld",
    why: `it comes after ${names}, which is left out: \`--with-effects\` runs both`,
  });
  expect(made["a"]).toEqual({ kind: "withheld", why: "it changes the outside world: `--with-effects` runs it" });
  expect(made["c"]).toEqual(after("`a`, `b`"));
  expect(made["d"]).toEqual(after("`c`"));
  expect(made["e"]).toMatchObject({ kind: "run" });
  expect(verdicts(forecast(order, NOTHING, { ...PLAIN, deploys: true }))["a"]).toEqual({
    kind: "withheld",
    why: "it changes the outside world: a release runs it",
  });
  expect(verdicts(forecast(order, NOTHING, { ...PLAIN, withEffects: true }))["c"]).toMatchObject({ kind: "run" });
});

test("what an earlier forecast found cached stays so, and its result is there for what follows", () => {
  const order = chain();
  const facts = ran(order, 2);
  const earlier = forecast(order, { ...NOTHING, ...facts }, PLAIN);
  const asked: Digest[] = [];
  const result = (key: Digest): StepResult | undefined => {
    asked.push(key);
    return facts.result(key);
  };
  expect(forecast(order, { ...NOTHING, ...facts, result }, { ...PLAIN, earlier })).toEqual(earlier);
  const last = earlier.steps[2]?.verdict;
  expect(asked).toEqual(last?.kind === "run" ? [last.key] : []);
});

test("times are asked for what may run alone, and nothing of the past where all is cached", () => {
  const order = chain();
  const durations = (step: string): readonly number[] => (step === "train" ? [1, 2, 3] : [9, 9, 9]);
  const steps = forecast(order, { ...NOTHING, ...ran(order, 1), durations }, PLAIN).steps;
  expect(steps.map(({ time }) => time)).toEqual([null, { medianMs: 2, spreadMs: 1 }, { medianMs: 9, spreadMs: 0 }]);
  const never = (): never => {
    throw new Error("nobody has to ask");
  };
  const all = { ...NOTHING, ...ran(order, 3), durations: never, previous: never };
  const made = forecast(order, all, PLAIN);
  expect(made.steps.map(({ verdict, time }) => [verdict.kind, time])).toEqual(
    ["prepare", "train", "judge"].map(() => ["cached", null]),
  );
  expect(made.removed).toEqual([]);
});

test("steps of before are found by id, else by what they wrote, and whoever is not found was removed", () => {
  const order = chain();
  const train = stepOf(order, "train");
  const same = past(train, { name: "old", id: "train" });
  const renamed = past(train, { name: "renamed", id: "was" });
  const gone = past(train, { name: "gone", id: "gone", document: { ...train.document, outputs: [] } });
  expect(previousOf([renamed, same], train)).toBe(same);
  expect(previousOf([same, renamed], train)).toBe(same);
  expect(previousOf([renamed], train)).toBe(renamed);
  expect(previousOf([gone], train)).toBeUndefined();
  expect(previousOf([gone], { id: "other", document: { ...train.document, outputs: [] } })).toBeUndefined();
  const previous = [...order.steps.map((step) => past(step)), gone];
  expect(forecast(order, { ...NOTHING, previous: () => previous }, PLAIN).removed).toEqual(["gone"]);
});
