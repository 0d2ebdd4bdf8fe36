import type { Forecast, WorkOrder } from "../plan/plan.ts";

/** US dollars; null where no step that may run is on a pool with a price, unknown where one is and its time is not known. */
export type PlanCost = number | "unknown" | null;

const HOUR = 3_600_000;

/** What a plan would cost: predicted time of what runs or may run × `usd_per_hour` of the pool it asks for. */
export function planCost(
  { order, forecast }: { readonly order: WorkOrder | null; readonly forecast: Forecast | null },
  usdPerHour: (pool: string) => number | null,
): PlanCost {
  const pools = new Map((order?.steps ?? []).map(({ name, step }) => [name, step.resources.pool]));
  let cost: PlanCost = null;
  for (const { step, verdict, time } of forecast?.steps ?? []) {
    const price = usdPerHour(pools.get(step) ?? "default");
    if (price === null) continue;
    if (verdict.kind !== "run" && verdict.kind !== "depends") cost ??= 0;
    else if (time === null || cost === "unknown") cost = "unknown";
    else cost = (cost ?? 0) + (time.medianMs / HOUR) * price;
  }
  return cost;
}
