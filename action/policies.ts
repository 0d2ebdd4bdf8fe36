import { Environment } from "@marcbachmann/cel-js";

import type { PlannedPipeline } from "../src/controller/project.ts";
import type { Settings } from "../src/pipeline/settings.ts";
import type { PolicyView } from "../src/report/plan-view.ts";

/**
 * The verdicts of the base's policies on one plan. What only a service knows (costs, the ledger) is not in the plan
 * here: a policy that reads it can neither pass nor deny, and warns.
 */
export function judge(policies: Settings["policies"], planned: PlannedPipeline): readonly PolicyView[] {
  const plan = planOf(planned);
  if (plan === undefined) return [];
  const cel = new Environment({ unlistedVariablesAreDyn: false }).registerVariable("plan", "map<string, dyn>");
  return policies.map(({ name, kind, condition }) => {
    const { source } = condition;
    let holds: unknown;
    try {
      holds = cel.evaluate(source, { plan });
    } catch (error) {
      const why = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
      return { name, outcome: "warned", message: `cannot be judged here: ${why}` };
    }
    if (holds !== true) return { name, outcome: "passed", message: "" };
    return { name, outcome: kind === "deny" ? "denied" : "warned", message: source };
  });
}

function planOf({ order, forecast, file }: PlannedPipeline): Record<string, unknown> | undefined {
  if (order === null || forecast === null) return undefined;
  const verdicts = new Map(forecast.steps.map(({ step, verdict }) => [step, verdict.kind]));
  return {
    pipeline: file.pipeline.name,
    pinned: order.pinned,
    steps: order.steps.map(({ name, document, step }) => ({
      name,
      verdict: verdicts.get(name) ?? "run",
      pinned: document.image !== null || (document.environment?.lock ?? null) !== null,
      executor: document.executor,
      network: document.network,
      secrets: document.secrets,
      effects: step.effects,
    })),
    forecast: {},
  };
}
