import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

export interface SlurmSaid {
  /** Null: ended by a signal, or not there. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A controller that does not answer would keep a command for minutes. */
const LONGEST_MS = 60_000;

/** One of Slurm's commands, to its end; settings such as SLURM_CONF and SBATCH_PARTITION are this process's. */
export function askSlurm(
  program: "sbatch" | "squeue" | "scancel" | "scontrol" | "sacct",
  args: readonly string[],
): Promise<SlurmSaid> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], timeout: LONGEST_MS });
    const said = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (said.stdout += chunk.toString("utf8")));
    child.stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString("utf8")));
    child.on("error", (error) => resolve({ code: null, ...said, stderr: error.message }));
    child.on("close", (code) => resolve({ code, ...said }));
  });
}

/** Whether jobs can be submitted from here. */
export function slurmHere(path: string): boolean {
  return path.split(":").some((directory) => existsSync(join(directory, "sbatch")));
}
