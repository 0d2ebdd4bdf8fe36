import type { PlannedPipeline } from "../controller/project.ts";
import type { Forecast, WorkOrder } from "../plan/plan.ts";

export interface RunFlags {
  readonly jobs?: number;
  readonly keepGoing?: boolean;
  readonly force: readonly string[];
  readonly param: readonly string[];
  readonly fix?: boolean;
  readonly withEffects?: boolean;
  readonly checkout: boolean;
  readonly allowEnvironmentDrift?: boolean;
}

/** `sluice run` without anything. */
export const PLAIN_RUN: RunFlags = { force: [], param: [], checkout: true };

/** A pipeline with a plan and no problems. */
export interface Runnable extends PlannedPipeline {
  readonly order: WorkOrder;
  readonly forecast: Forecast;
}

export function isRunnable(one: PlannedPipeline): one is Runnable {
  return one.order !== null && one.forecast !== null;
}
