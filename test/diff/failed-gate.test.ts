import { expect, test } from "vitest";

import { failedGate } from "../../src/diff/failed-gate.ts";
import type { MetricSpec } from "../../src/pipeline/pipeline.ts";

const spec = (name: string, step: string, more: Partial<MetricSpec> = {}): MetricSpec => ({
  at: [1, 1, 1, 1],
  name,
  step,
  goal: "higher",
  tolerance: null,
  gate: { operator: ">=", bound: 0.95 },
  gateAction: "stop",
  ...more,
});
const result = (metrics: Readonly<Record<string, number>>) => ({ facts: { outputs: [], metrics } });

test("the first gate of the step that is not passed is told, with what follows from it", () => {
  const specs = [spec("a", "other"), spec("b", "train", { gate: null }), spec("c", "train"), spec("d", "train")];
  expect(failedGate(specs, "train", result({ c: 0.95, d: 1 }))).toBeUndefined();
  expect(failedGate(specs, "train", result({ c: 0.96, d: 0.9 }))).toEqual({
    failure: { kind: "gate", metric: "d", value: "0.9", gate: ">= 0.95" },
    stops: true,
  });
  expect(failedGate([spec("c", "train", { gateAction: "report" })], "train", result({}))).toEqual({
    failure: { kind: "gate", metric: "c", value: "missing", gate: ">= 0.95" },
    stops: false,
  });
});
