import { join } from "node:path";

import type { Failure } from "../run/run-record.ts";
import type { AttemptOrder } from "./executor.ts";
import { askSlurm } from "./slurm-command.ts";
import type { Pulse } from "./pulse.ts";
import type { JobPlace } from "./slurm-place.ts";
import { commentOf, JOB_NAME } from "./slurm-pulse.ts";

/** What the launcher and the sandbox take besides the step. */
const OWN_BYTES = 96 * 1_024 * 1_024;
/** The launcher keeps the step's time; Slurm's limit is for a launcher that cannot. */
const SLACK_MS = 120_000;
const AWAY = /unable to contact|communication|timed out|connection|not responding|munge|authentication/i;

/** Hands a prepared attempt to Slurm. */
export async function submit(
  place: JobPlace,
  order: AttemptOrder,
  pulse: Pulse,
): Promise<{ readonly kind: "submitted"; readonly job: string } | Failure> {
  const asked = await askSlurm("sbatch", submission(place, order, pulse));
  const job = /^(\d+)/.exec(asked.stdout.trim())?.[1];
  if (asked.code === 0 && job !== undefined) return { kind: "submitted", job };
  const line = asked.stderr.trim().split("\n").at(-1)?.slice(0, 300) ?? "";
  if (asked.code === null || AWAY.test(line)) return { kind: "lost", why: `Slurm took no job: ${line}` };
  return {
    kind: "refused",
    why: `Slurm takes no such job: ${line}`,
    next: "ask for less under `resources:`, or see with `sinfo` what the cluster has",
  };
}

function submission({ root }: JobPlace, order: AttemptOrder, pulse: Pulse): readonly string[] {
  const { cpus, gpus } = order.batch ?? { cpus: 1, gpus: 0 };
  const mebibytes = order.memoryBytes === null ? null : Math.ceil((order.memoryBytes + OWN_BYTES) / 1_048_576);
  const minutes = order.timeoutMs === null ? null : Math.ceil((order.timeoutMs + SLACK_MS) / 60_000);
  return [
    "--parsable",
    "--no-requeue",
    "--export=NONE",
    `--job-name=${JOB_NAME}`,
    `--comment=${commentOf(order.id, pulse.path)}`,
    `--chdir=${root}`,
    "--input=/dev/null",
    // A percent sign in a path is no pattern.
    `--output=${join(root, "slurm.log").replaceAll("%", "%%")}`,
    "--nodes=1",
    "--ntasks=1",
    `--cpus-per-task=${Math.max(1, Math.ceil(cpus))}`,
    ...(mebibytes === null ? [] : [`--mem=${mebibytes}M`]),
    ...(minutes === null ? [] : [`--time=${minutes}`]),
    ...(gpus === 0 ? [] : [`--gres=gpu:${gpus}`]),
    join(root, "job.sh"),
  ];
}
