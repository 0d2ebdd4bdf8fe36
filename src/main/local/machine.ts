import { existsSync } from "node:fs";
import { cpus, totalmem } from "node:os";

import type { Machine } from "../../cli/world.ts";

/** What this machine has, looked at when asked for: the system tells its processors from four files. */
export function machine(): Machine {
  let found: Machine | undefined;
  const here = (): Machine => (found ??= { memoryBytes: totalmem(), gpus: countGpus(), cpus: cpus().length });
  return {
    get memoryBytes() {
      return here().memoryBytes;
    },
    get gpus() {
      return here().gpus;
    },
    get cpus() {
      return here().cpus;
    },
  };
}

function countGpus(): number {
  let count = 0;
  while (existsSync(`/dev/nvidia${count}`)) count++;
  return count;
}
