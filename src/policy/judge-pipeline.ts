import type { Narrowed } from "../pipeline/narrow.ts";
import type { Forecast, WorkOrder } from "../plan/plan.ts";
import type { Problem } from "../problem/problem.ts";
import { grantStep } from "./grants.ts";
import { judgePlan, type PolicyVerdict } from "./judge-plan.ts";
import { planCost, type PlanCost } from "./plan-cost.ts";

export interface PipelineToJudge {
  readonly order: WorkOrder;
  readonly forecast: Forecast;
  readonly owner: string | null;
  readonly fork: boolean;
  readonly slots: number;
}

/** What the rules say of one pipeline of a pull request. */
export interface Judgement {
  readonly costUsd: PlanCost;
  readonly policies: readonly PolicyVerdict[];
  /** What the change's own settings would say otherwise: shown, and deciding nothing. */
  readonly shadow: readonly PolicyVerdict[];
  /** Steps that a merge would run and that would be refused: warnings with the line to add. */
  readonly problems: readonly Problem[];
}

/** Judges what merging would run: by the default branch's rules, and beside them by those that the change proposes. */
export function judgePipeline(
  { rules, proposed }: { readonly rules: Narrowed; readonly proposed: Narrowed | null },
  plan: PipelineToJudge,
): Judgement {
  const costUsd = planCost(plan, (pool) => rules.pools[pool]?.usdPerHour ?? null);
  const judged = { ...plan, trigger: "push", costUsd };
  const policies = judgePlan(rules.settings.policies, judged);
  const shadow = proposed === null ? [] : judgePlan(proposed.settings.policies, judged);
  const same = (a: PolicyVerdict) => (b: PolicyVerdict) => a.name === b.name && a.outcome === b.outcome;
  const gone = policies.filter(({ name }) => proposed !== null && !shadow.some((one) => one.name === name));
  return {
    costUsd,
    policies,
    shadow: [
      ...shadow.filter((one) => !policies.some(same(one))),
      ...gone.map(({ name }) => ({ name, outcome: "passed" as const, message: "the change removes it" })),
    ],
    problems: refusals({ rules, proposed }, plan),
  };
}

function refusals(
  { rules, proposed }: { readonly rules: Narrowed; readonly proposed: Narrowed | null },
  { order, forecast }: PipelineToJudge,
): readonly Problem[] {
  const idle = new Set(
    forecast.steps.flatMap(({ step, verdict }) =>
      verdict.kind === "cached" || verdict.kind === "withheld" ? [step] : [],
    ),
  );
  const asking = { pipeline: order.pipeline.name, trigger: "push", domain: "main" };
  return order.steps.flatMap(({ name, step }): readonly Problem[] => {
    if (idle.has(name)) return [];
    const granted = grantStep(rules, step, asking);
    if (granted.kind === "granted") return [];
    // After the merge the settings of the change are those of the default branch.
    if (proposed !== null && grantStep(proposed, step, asking).kind === "granted") return [];
    const [line, column, endLine, endColumn] = step.secrets[0]?.at ?? step.at;
    const at = { path: order.pipeline.path, line, column, end: { line: endLine, column: endColumn } };
    const message = `\`${name}\` would be refused: ${granted.why}`;
    return [{ severity: "warning", code: "not-granted", at, message, next: granted.next }];
  });
}
