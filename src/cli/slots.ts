import type { Settings } from "../pipeline/settings.ts";
import type { Machine } from "./world.ts";

/** How many steps run at once here: the machine's cores, or fewer where the default pool says so. */
export function slotsOf(settings: Settings, machine: Pick<Machine, "cpus">): number {
  const wanted = settings.pools["default"]?.concurrency ?? machine.cpus;
  return Math.max(1, Math.min(machine.cpus, wanted));
}
