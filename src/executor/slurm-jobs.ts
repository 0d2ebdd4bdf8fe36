import { askSlurm } from "./slurm-command.ts";

/** The last that Slurm says of a job. */
export type JobEnd =
  | { readonly kind: "ended"; readonly state: string; readonly reason: string }
  /** Slurm answers and does not know it. */
  | { readonly kind: "unknown" }
  /** Slurm has not answered for long. */
  | { readonly kind: "silent" };

/** Looks after the jobs of one worker, all with one question. */
export interface SlurmJobs {
  ended(job: string): Promise<JobEnd>;
}

const FINAL = new Set([
  "BOOT_FAIL",
  "CANCELLED",
  "COMPLETED",
  "DEADLINE",
  "FAILED",
  "NODE_FAIL",
  "OUT_OF_MEMORY",
  "PREEMPTED",
  "REVOKED",
  "TIMEOUT",
]);
/** Waiting states that nothing but a person ends. */
const STUCK = /requeued_held|launch_failed/i;
/** A controller may be away for a restart; its jobs run on. */
const SILENCE_MS = 300_000;

/** Asks every `everyMs` while there is a job to ask for, never twice at a time. */
export function slurmJobs(everyMs: number): SlurmJobs {
  const waiting = new Map<string, (end: JobEnd) => void>();
  let asking = false;
  let answeredAt = performance.now();

  async function look(): Promise<void> {
    const jobs = [...waiting.keys()];
    const told = await statesOf(jobs);
    if (told === undefined) {
      if (performance.now() - answeredAt > SILENCE_MS) for (const job of jobs) settle(job, { kind: "silent" });
      return;
    }
    answeredAt = performance.now();
    for (const job of jobs) {
      const now = told.get(job);
      if (now === undefined) settle(job, { kind: "unknown" });
      else if (FINAL.has(now.state) || (now.state === "PENDING" && STUCK.test(now.reason)))
        settle(job, { kind: "ended", ...now });
    }
  }

  function settle(job: string, end: JobEnd): void {
    waiting.get(job)?.(end);
    waiting.delete(job);
  }

  async function keepLooking(): Promise<void> {
    answeredAt = performance.now();
    while (waiting.size > 0) {
      await new Promise((resolve) => setTimeout(resolve, everyMs));
      await look();
    }
    asking = false;
  }

  return {
    ended(job) {
      return new Promise((resolve) => {
        waiting.set(job, resolve);
        if (asking) return;
        asking = true;
        void keepLooking();
      });
    },
  };
}

/** Undefined: Slurm does not answer. */
async function statesOf(
  jobs: readonly string[],
): Promise<ReadonlyMap<string, { readonly state: string; readonly reason: string }> | undefined> {
  const asked = await askSlurm("squeue", [
    "--noheader",
    "--states=all",
    `--jobs=${jobs.join(",")}`,
    "--format=%i|%T|%r",
  ]);
  // One job alone that is not there any more is an error, several are none.
  if (asked.code !== 0) return /Invalid job id/i.test(asked.stderr) ? new Map() : undefined;
  return new Map(
    asked.stdout.split("\n").flatMap((line) => {
      const [job = "", state = "", reason = ""] = line.trim().split("|");
      return job === "" ? [] : [[job, { state, reason }] as const];
    }),
  );
}
