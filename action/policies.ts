import type { PlannedPipeline } from "../src/controller/project.ts";
import type { Settings } from "../src/pipeline/settings.ts";
import { judgePlan, type PolicyVerdict } from "../src/policy/judge-plan.ts";

/** The verdicts of the base's policies on one plan. What only a service knows (prices) is not known here: it warns. */
export function judge(
  policies: Settings["policies"],
  { order, forecast, file }: PlannedPipeline,
  slots: number,
): readonly PolicyVerdict[] {
  if (order === null || forecast === null) return [];
  const { owner } = file.pipeline;
  return judgePlan(policies, { order, forecast, owner, trigger: "pull-request", fork: false, costUsd: null, slots });
}
