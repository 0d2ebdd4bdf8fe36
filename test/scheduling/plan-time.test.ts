import { expect, test } from "vitest";

import type { Forecast, StepForecast, Verdict } from "../../src/plan/plan.ts";
import { planTime } from "../../src/scheduling/plan-time.ts";
import { ordered } from "../builders/pipeline.ts";

/** a → b → d and a → c → d. */
const ORDER = ordered(`version: 1
steps:
  a: { run: a, outputs: [a.txt] }
  b: { run: b, inputs: [a.txt], outputs: [b.txt] }
  c: { run: c, inputs: [a.txt], outputs: [c.txt] }
  d: { run: d, inputs: [b.txt, c.txt] }
`);

type Sketch = readonly [kind: Verdict["kind"], medianMs: number | null];

function forecasted(steps: Readonly<Record<string, Sketch>>): Forecast {
  return {
    steps: Object.entries(steps).map(
      ([step, [kind, medianMs]]) =>
        ({ step, verdict: { kind }, time: medianMs === null ? null : { medianMs, spreadMs: 1 } }) as StepForecast,
    ),
    removed: [],
  };
}

const ALL: Readonly<Record<string, Sketch>> = {
  a: ["run", 1],
  b: ["depends", 20],
  c: ["depends", 300],
  d: ["depends", 4_000],
};

test("with slots enough a plan takes as long as its longest way, with few as long as the sum over them", () => {
  const known = { known: 4, unknown: 0 };
  expect(planTime(ORDER, forecasted(ALL), 2)).toEqual({ ms: 4_301, ...known });
  expect(planTime(ORDER, forecasted(ALL), 1)).toEqual({ ms: 4_321, ...known });
  const even = forecasted({ ...ALL, b: ["run", 3_000], c: ["run", 3_000], d: ["run", 1] });
  expect(planTime(ORDER, even, 2).ms).toBe(3_002);
  expect(planTime(ORDER, even, 1).ms).toBe(6_002);
  expect(planTime(ORDER, even, 0).ms).toBe(6_002);
});

test("what is cached or left out takes no time, what was never measured is counted and taken for none", () => {
  expect(
    planTime(ORDER, forecasted({ a: ["cached", 9], b: ["withheld", 9], c: ["run", null], d: ["depends", 7] }), 1),
  ).toEqual({ ms: 7, known: 1, unknown: 1 });
  expect(planTime(ORDER, forecasted({ a: ["depends", null], b: ["run", null] }), 1)).toEqual({
    ms: 0,
    known: 0,
    unknown: 2,
  });
});

test("without an order or a forecast there is nothing to wait for", () => {
  expect(planTime(null, null, 2)).toEqual({ ms: 0, known: 0, unknown: 0 });
});
