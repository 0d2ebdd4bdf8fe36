import fc from "fast-check";
import { expect, test } from "vitest";

import { checkCondition } from "../../src/expression/condition.ts";
import { parseDuration } from "../../src/expression/duration.ts";
import { parseSize } from "../../src/expression/size.ts";
import { fillShell, lookUp, parameterOf, placeholders } from "../../src/expression/template.ts";
import { nestParameters, parameterEnvironment, selectParameters } from "../../src/pipeline/parameters.ts";

test.each([
  ["90s", 90_000],
  ["30m", 1_800_000],
  ["2h", 7_200_000],
  ["7d", 604_800_000],
  ["2y", 63_072_000_000],
  ["1.5h", 5_400_000],
  ["0s", undefined],
  ["-1s", undefined],
  ["1 h", undefined],
  ["1w", undefined],
  ["", undefined],
  ["9999999999999y", undefined],
])("duration %s", (text, expected) => {
  expect(parseDuration(text)).toBe(expected);
});

test.each([
  ["512Mi", 536_870_912],
  ["2Gi", 2_147_483_648],
  ["1.5G", 1_500_000_000],
  ["1000", 1_000],
  ["0", undefined],
  ["1gi", undefined],
  ["Gi", undefined],
])("size %s", (text, expected) => {
  expect(parseSize(text)).toBe(expected);
});

test("names that every object has are no parameters", () => {
  fc.assert(
    fc.property(fc.constantFrom("constructor", "toString", "hasOwnProperty", "valueOf", "constructor.name"), (name) => {
      expect(lookUp({}, name)).toBeUndefined();
      expect(selectParameters({ a: 1 }, [name])).toEqual({});
      expect(JSON.stringify(nestParameters({ [name]: 1 }))).toBe(
        name.includes(".") ? '{"constructor":{"name":1}}' : `{"${name}":1}`,
      );
    }),
  );
  expect(Object.name).toBe("Object");
});

test("selecting never changes the parameters it selects from", () => {
  const params = Object.freeze({ train: Object.freeze({ lr: 0.1, depth: 3 }) });
  expect(nestParameters(selectParameters(params, ["train", "train.lr"]))).toEqual({ train: { lr: 0.1, depth: 3 } });
  expect(nestParameters(selectParameters(params, ["train.lr", "train"]))).toEqual({ train: { lr: 0.1, depth: 3 } });
});

test("scalars get a variable each, all of them the JSON", () => {
  expect(parameterEnvironment({ seed: 7, "train.lr": 0.1, name: "a b", list: [1] })).toEqual({
    SLUICE_PARAMS: '{"seed":7,"train":{"lr":0.1},"name":"a b","list":[1]}',
    SLUICE_PARAM_SEED: "7",
    SLUICE_PARAM_TRAIN_LR: "0.1",
    SLUICE_PARAM_NAME: "a b",
  });
  expect(parameterEnvironment({})).toEqual({});
});

test("placeholders say where they stand; only `params.` names are parameters", () => {
  expect(placeholders("a ${{ params.x }} ${{y}}")).toEqual([
    { expression: "params.x", offset: 2, length: 15 },
    { expression: "y", offset: 18, length: 6 },
  ]);
  expect(parameterOf("params.train.lr")).toBe("train.lr");
  expect(parameterOf("params.")).toBeUndefined();
  expect(parameterOf("env.HOME")).toBeUndefined();
  expect(fillShell("${{ params.a }} ${{ params.b.c }} ${{ nope }}", { a: "", b: { c: [1, 2] } })).toBe(
    "'' '[1,2]' ${{ nope }}",
  );
});

test.each([
  ["policy", "plan.steps.exists(s, !s.pinned)", true],
  ["policy", "plan.forecast.cost_usd > 50.0", true],
  ["policy", "metrics.accuracy > 1.0", false],
  ["policy", "1 + 1", false],
  ["gate", "metrics.accuracy >= live.metrics.accuracy - 0.002", true],
  ["gate", "run.reproducible == true", true],
  ["gate", "metrics.accuracy >=", false],
  ["gate", "live.run.source != run.source", true],
  // Nobody could ever tell these, and a gate that reads them would hold up every release.
  ["gate", "live.run.isolation == 'sandbox'", false],
  ["gate", "run.cost_usd < 1.0", false],
] as const)("condition of a %s: %s", (kind, source, valid) => {
  expect(checkCondition(kind, source) === undefined).toBe(valid);
});
