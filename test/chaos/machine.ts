import type { FaultKind } from "./fault.ts";
import { canMount } from "./small-disk.ts";

/** What is not tried on this machine, and why. */
export function leftOutHere(): ReadonlyMap<string, string> {
  const left = new Map<FaultKind | "network" | "containers", string>([
    ["network", "no network is cut: processes are stopped and let go on instead"],
    ["containers", "no step runs in a container"],
  ]);
  if (!canMount()) left.set("disk-full", "a small disk for the store needs mount(8), which is not allowed here");
  return left;
}
