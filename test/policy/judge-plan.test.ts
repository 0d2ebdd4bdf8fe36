import { expect, test } from "vitest";

import { readableNames } from "../../src/expression/condition.ts";
import { forecast } from "../../src/plan/forecast.ts";
import type { Facts } from "../../src/plan/plan.ts";
import { judgePlan, type PlanToJudge } from "../../src/policy/judge-plan.ts";
import { planCost } from "../../src/policy/plan-cost.ts";
import { ordered } from "../builders/pipeline.ts";

const order = ordered(
  `
version: 1
steps:
  prepare: { run: prepare in out, inputs: [in], outputs: [out] }
  train: { run: train out, inputs: [out], outputs: [model], secrets: [HF_TOKEN], resources: { pool: gpu, memory: 2Gi } }
`,
  { in: "1" },
);

const facts = (minutes: Readonly<Record<string, number>>): Facts => ({
  result: () => undefined,
  evicted: () => false,
  previous: () => [],
  part: () => undefined,
  durations: (step) => (minutes[step] === undefined ? [] : Array.from({ length: 3 }, () => minutes[step]! * 60_000)),
});

const planned = (minutes: Readonly<Record<string, number>>): Pick<PlanToJudge, "order" | "forecast"> => ({
  order,
  forecast: forecast(order, facts(minutes), { forced: new Set(), withEffects: false }),
});

const rule = (kind: "deny" | "warn", source: string) => ({
  name: "rule",
  kind,
  condition: { source, at: [1, 1, 1, 1] as const },
});

const judge = (source: string, more: Partial<PlanToJudge> = {}, kind: "deny" | "warn" = "deny"): string => {
  const plan = { owner: null, trigger: "push", fork: false, costUsd: null, slots: 2, ...planned({}), ...more };
  const [verdict] = judgePlan([rule(kind, source)], plan);
  return `${verdict?.outcome}${verdict?.message === "" || verdict?.message === source ? "" : `: ${verdict?.message}`}`;
};

test.each([
  ["plan.steps.exists(s, !s.pinned)", "denied"],
  ["plan.steps.exists(s, s.pool == 'gpu' && 'HF_TOKEN' in s.secrets)", "denied"],
  ["plan.steps.exists(s, has(s.memory) && s.memory > 1024 * 1024 * 1024)", "denied"],
  ["plan.fork || plan.owner != null", "passed"],
  ["plan.forecast.runs + plan.forecast.depends > 5", "passed"],
  ["plan.steps.exists(s, s.verdict == 'depends' && s.inputs == ['out'])", "denied"],
  ["plan.forecast.cost_usd > 50.0", "warned: cannot be judged: `cost_usd` is not known"],
  ["has(plan.forecast.cost_usd) && plan.forecast.cost_usd > 50.0", "passed"],
  ["plan.forecast.seconds > 60", "warned: cannot be judged: `seconds` is not known"],
])("%s: %s", (source, outcome) => {
  expect(judge(source)).toBe(outcome);
});

test("what `warn` says is shown and blocks nothing", () => {
  expect(judge("plan.trigger == 'push'", {}, "warn")).toBe("warned");
});

test("each name that the language reference lists for policies can be told of a plan", () => {
  const conditions = readableNames("policy").map((name) => {
    const inStep = /^plan\.steps\[\]\.(\w+)$/.exec(name)?.[1];
    return inStep === undefined ? `${name} == ${name}` : `plan.steps.exists(s, has(s.${inStep}))`;
  });
  expect(conditions).toContain("plan.steps.exists(s, has(s.pool))");
  const told = conditions.map((condition) => judge(condition, { ...planned({ prepare: 60, train: 20 }), costUsd: 1 }));
  expect(told).toEqual(conditions.map(() => "denied"));
});

test("cost is the predicted time by the price of the pool that is asked for", () => {
  const prices: Readonly<Record<string, number>> = { gpu: 3 };
  const price = (pool: string): number | null => prices[pool] ?? null;
  expect(planCost(planned({ prepare: 60, train: 20 }), price)).toBeCloseTo(1);
  expect(planCost(planned({ prepare: 60 }), price)).toBe("unknown");
  expect(planCost(planned({ train: 20 }), () => null)).toBeNull();
  const costUsd = planCost(planned({ prepare: 60, train: 20 }), () => 30);
  expect(judge("plan.forecast.cost_usd >= 40", { ...planned({ prepare: 60, train: 20 }), costUsd })).toBe("denied");
  expect(judge("plan.forecast.seconds == 4800", { ...planned({ prepare: 60, train: 20 }), costUsd })).toBe("denied");
});
