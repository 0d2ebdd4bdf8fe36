import type { Failure } from "../run/run-record.ts";
import type { Room } from "./queued-step.ts";

/** Why a step can never start on a machine: it asks for more than there is; undefined when it can. */
export function refusalOf(capacity: Room, { cpu, memoryBytes, gpus }: Room): Failure | undefined {
  if (cpu > capacity.cpu) {
    return {
      kind: "refused",
      why: `it asks for ${cpu} cores and no worker of its pool has more than ${capacity.cpu}`,
      next: "lower `resources.cpu`, or run it on a larger machine",
    };
  }
  // On one's own machine cores bound nothing, in a pool they go together with the rest.
  const most = Number.isFinite(capacity.cpu)
    ? `no worker of its pool with ${cpu} cores has more than`
    : "this machine has";
  if (memoryBytes > capacity.memoryBytes) {
    return {
      kind: "refused",
      why: `it asks for ${gibibytes(memoryBytes)} of memory and ${most} ${gibibytes(capacity.memoryBytes)}`,
      next: "lower `resources.memory`, or run it on a larger machine",
    };
  }
  if (gpus > capacity.gpus) {
    return {
      kind: "refused",
      why: `it asks for ${gpus} GPUs and ${most} ${capacity.gpus}`,
      next: "lower `resources.gpu`, or run it on a machine that has them",
    };
  }
  return undefined;
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1).replace(/\.0$/, "")} GiB`;
}
