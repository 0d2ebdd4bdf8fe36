import fc from "fast-check";
import { expect, test } from "vitest";

import { checkCondition } from "../../src/expression/condition.ts";
import type { Json } from "../../src/identity/canonical-json.ts";
import { evaluateCondition } from "../../src/policy/evaluate.ts";

const list = (length: number): Json => Array.from({ length }, (_, at) => ({ name: `s${at}`, inputs: ["a", "b"] }));

test("whatever the text and the data are, there is one of three outcomes", () => {
  const piece = fc.constantFrom(
    "plan",
    ".steps",
    ".exists(s, ",
    "s.name",
    ")",
    "&&",
    "==",
    "[0]",
    "'a'",
    "1",
    "!",
    "null",
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")),
  );
  fc.assert(
    fc.property(text, fc.jsonValue(), (source, plan) => {
      const judged = evaluateCondition(source, { plan: plan as Json });
      expect(["true", "false", "unknown"]).toContain(judged.kind);
      if (judged.kind === "unknown") expect(judged.why).not.toBe("");
    }),
  );
});

test("nested lists are counted before they are walked: beyond the budget nothing is evaluated", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 6 }), (length, depth) => {
      // Every round looks at one more list, and none of them ends early.
      const source = Array.from({ length: depth }, (_, at) => at).reduceRight(
        (inner, at) => `plan.steps.all(v${at}, ${inner})`,
        "v0.name != ''",
      );
      const judged = evaluateCondition(source, { plan: { steps: list(length) } }, 100_000);
      const rounds = length ** depth;
      // Between the two it depends on how much a round does.
      fc.pre(rounds > 100_000 || rounds < 1_000);
      expect(judged.kind).toBe(rounds > 100_000 ? "unknown" : "true");
    }),
  );
});

test.each([
  ["'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('(a+)+$')", "`matches` is not in this version"],
  [`cel.bind(x, plan.steps, ${"cel.bind(x, x + x, ".repeat(12)}x.size() > 0${")".repeat(13)}`, "too"],
  ["plan.steps.map(a, plan.steps.map(b, plan.steps)).size() > 0", "too"],
  ["plan.steps.map(s, s.name).join('".padEnd(3_000, "x").concat("').size() > 0"), "too"],
  [`${"(".repeat(3_000)}true${")".repeat(3_000)}`, ""],
  ["true || ".repeat(600).concat("true"), "longer than"],
])("%#: a rule that would hang or fill the memory is unknown at once", (source, why) => {
  const judged = evaluateCondition(source, { plan: { steps: list(2_000) } });
  expect(judged).toMatchObject({ kind: "unknown", why: expect.stringContaining(why) as string });
});

test("what an object inherits is not there", () => {
  for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"])
    expect(evaluateCondition(`plan.${name} != null`, { plan: {} })).toMatchObject({ kind: "unknown" });
});

test("unknown stays unknown through `!`, and gives way to what is certain", () => {
  const data = { plan: { known: true } };
  expect(evaluateCondition("!plan.missing", data).kind).toBe("unknown");
  expect(evaluateCondition("plan.missing || plan.known", data).kind).toBe("true");
  expect(evaluateCondition("plan.missing && !plan.known", data).kind).toBe("false");
});

test("what would never be evaluated is a problem where it is written", () => {
  expect(checkCondition("policy", "plan.pipeline.matches('(a+)+$')")?.message).toContain("not in this version");
  expect(checkCondition("policy", `plan.pipeline == '${"x".repeat(5_000)}'`)?.message).toContain("longer than");
  expect(checkCondition("gate", "metrics.accuracy + 1 > 2 * live.metrics.accuracy")).toBeUndefined();
});
