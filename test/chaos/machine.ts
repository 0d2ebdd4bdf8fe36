import { faketimeLibrary } from "./clocks.ts";
import type { FaultKind } from "./fault.ts";
import { noNet } from "./net.ts";
import type { QueueKind } from "./queue-server.ts";
import { canMount } from "./small-disk.ts";

/** What is not tried on this machine, and why. */
export function leftOutHere(queue: QueueKind): ReadonlyMap<string, string> {
  const left = new Map<FaultKind | "containers", string>([["containers", "no step runs in a container"]]);
  if (!canMount())
    for (const kind of ["disk-full", "disk-refuses"] as const)
      left.set(kind, "a small disk for the store needs mount(8), which is not allowed here");
  const why = queue === "embedded" ? "the embedded queue is reached on its own machine only" : noNet();
  if (why !== undefined) left.set("cut-worker", why);
  if (faketimeLibrary() === undefined)
    left.set("clock-jump", "libfaketime is not installed here (apt install libfaketime)");
  return left;
}
