import { dirname } from "node:path";

import { forget, isGone, type Pulse } from "./pulse.ts";
import { askSlurm } from "./slurm-command.ts";

/** Every job is named so; its comment says whose it is. */
export const JOB_NAME = "sluice";

export function commentOf(attempt: string, pulse: string): string {
  return `${JOB_NAME}:${attempt}:${pulse}`;
}

/** Cancels jobs of this directory whose worker is gone, and own ones that nobody waits for. */
export async function cancelOrphans(pulse: Pulse, awaited: (attempt: string) => boolean): Promise<void> {
  const asked = await askSlurm("squeue", ["--noheader", "--me", `--name=${JOB_NAME}`, "--format=%i|%k"]);
  const busy = new Set<string>();
  const orphans = asked.stdout.split("\n").flatMap((line) => {
    const [, job, attempt, path] = /^\s*(\d+)\|sluice:([^:]+):(.+?)\s*$/.exec(line) ?? [];
    if (job === undefined || attempt === undefined || path === undefined) return [];
    if (dirname(path) !== dirname(pulse.path)) return [];
    busy.add(path);
    const gone = path === pulse.path ? !awaited(attempt) : isGone(path, pulse.path);
    return gone ? [job] : [];
  });
  if (orphans.length > 0) await askSlurm("scancel", ["--full", ...orphans]);
  if (asked.code === 0) forget(pulse, "slurm", busy);
}
