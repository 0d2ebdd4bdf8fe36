import type { JsonObject } from "../identity/canonical-json.ts";
import type { Settings } from "../pipeline/settings.ts";
import type { Forecast, WorkOrder, WorkStep } from "../plan/plan.ts";
import { planTime } from "../scheduling/plan-time.ts";
import { evaluateCondition } from "./evaluate.ts";
import type { PlanCost } from "./plan-cost.ts";

/** What one rule says of a plan. A rule that cannot be judged neither passes nor denies: it warns, and says why. */
export interface PolicyVerdict {
  readonly name: string;
  readonly outcome: "passed" | "warned" | "denied";
  readonly message: string;
}

/** A plan as rules read it. */
export interface PlanToJudge {
  readonly order: WorkOrder;
  readonly forecast: Forecast;
  readonly owner: string | null;
  readonly trigger: string;
  /** True for a pull request of another repository. */
  readonly fork: boolean;
  readonly costUsd: PlanCost;
  readonly slots: number;
}

/** Judges a plan by the rules of the default branch and the operator (SEMANTICS §10): `deny` blocks, `warn` shows. */
export function judgePlan(policies: Settings["policies"], plan: PlanToJudge): readonly PolicyVerdict[] {
  if (policies.length === 0) return [];
  const data = { plan: planDocument(plan) };
  return policies.map(({ name, kind, condition }): PolicyVerdict => {
    const judged = evaluateCondition(condition.source, data);
    switch (judged.kind) {
      case "false":
        return { name, outcome: "passed", message: "" };
      case "true":
        return { name, outcome: kind === "deny" ? "denied" : "warned", message: condition.source };
      case "unknown":
        return { name, outcome: "warned", message: `cannot be judged: ${judged.why}` };
    }
  });
}

/** The variable `plan` of a rule; a figure that is not known is left out, so that `has(…)` can ask for it. */
function planDocument(plan: PlanToJudge): JsonObject {
  const { order, forecast } = plan;
  const verdicts = new Map(forecast.steps.map(({ step, verdict }) => [step, verdict.kind]));
  const count = (kind: string): number => forecast.steps.filter(({ verdict }) => verdict.kind === kind).length;
  const time = planTime(order, forecast, plan.slots);
  return {
    pipeline: order.pipeline.name,
    owner: plan.owner,
    trigger: plan.trigger,
    fork: plan.fork,
    steps: order.steps.map((step) => stepDocument(step, verdicts.get(step.name) ?? "run")),
    removed: forecast.removed,
    forecast: {
      ...(typeof plan.costUsd === "number" ? { cost_usd: plan.costUsd } : {}),
      ...(time.unknown === 0 ? { seconds: time.ms / 1_000 } : {}),
      runs: count("run"),
      cached: count("cached"),
      depends: count("depends"),
    },
  };
}

function stepDocument({ name, document, step, loose }: WorkStep, verdict: string): JsonObject {
  return {
    name,
    verdict,
    pinned: document.image !== null || (loose !== true && (document.environment?.lock ?? null) !== null),
    effects: step.effects,
    cache: step.cache,
    network: document.network,
    executor: document.executor,
    pool: step.resources.pool,
    environment: step.environment.kind,
    cpu: step.resources.cpu,
    gpu: step.resources.gpu,
    ...(step.resources.memory === null ? {} : { memory: step.resources.memory.base }),
    secrets: document.secrets,
    inputs: document.inputs.map((input) => input.path),
    outputs: document.outputs.map((output) => output.path),
  };
}
