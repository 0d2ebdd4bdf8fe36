import type { Forecast, WorkOrder } from "../plan/plan.ts";
import { criticalPaths } from "./critical-path.ts";

export interface PlanTime {
  readonly ms: number;
  /** Steps that run or may run, with and without three measurements. */
  readonly known: number;
  readonly unknown: number;
}

/**
 * The predicted time of a whole plan: the larger of the critical path and the sum over the slots, both lower bounds of
 * any schedule (Graham 1969).
 */
export function planTime(order: WorkOrder | null, forecast: Forecast | null, slots: number): PlanTime {
  const times = new Map<string, number>();
  let unknown = 0;
  let sum = 0;
  for (const { step, verdict, time } of forecast?.steps ?? []) {
    if (verdict.kind !== "run" && verdict.kind !== "depends") continue;
    if (time === null) unknown++;
    else {
      times.set(step, time.medianMs);
      sum += time.medianMs;
    }
  }
  const paths = criticalPaths(
    (order?.steps ?? []).map(({ name, after }) => ({ name, after })),
    (name) => times.get(name) ?? 0,
  );
  let ms = sum / Math.max(1, slots);
  for (const path of paths.values()) ms = Math.max(ms, path);
  return { ms, known: times.size, unknown };
}
