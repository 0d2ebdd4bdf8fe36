import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";

import type { Isolation } from "../key/key-document.ts";
import type { Failure } from "../run/run-record.ts";
import { endedBefore, endOf } from "./attempt-end.ts";
import type { AttemptEnd, AttemptOrder } from "./executor.ts";
import { endIn, type LaunchEnd } from "./launcher-client.ts";
import { askSlurm } from "./slurm-command.ts";
import type { JobPlace } from "./slurm-place.ts";
import type { JobEnd } from "./slurm-jobs.ts";
import { unknownTool } from "./unknown-tool.ts";

/** How often, and how long apart, a file is looked for that a node has written and a network file system may tell late. */
const LOOKS = 20;
const BETWEEN_MS = 250;

/** What a job that has ended comes to: what Slurm says of its end first, then what the launcher measured and wrote. */
export async function endOfJob(
  place: JobPlace,
  order: AttemptOrder,
  { job, end, cancelled }: { readonly job: string; readonly end: JobEnd; readonly cancelled: boolean },
): Promise<AttemptEnd> {
  const state = end.kind === "ended" ? end.state : end.kind;
  const told = await toldBy(place, state === "COMPLETED" ? LOOKS : 1);
  const seen = told === undefined ? endedBefore(LOST(job, "it left no word")) : endOf(order, told, false);
  const failure =
    outside(order, { job, end, cancelled }) ??
    (told === undefined ? await untold(place, order, { job, end }) : seen.failure);
  return { ...seen, failure: cancelled && told === undefined ? null : failure, cancelled };
}

/** How the step was kept apart, as the job's script found the node. */
export function isolationOf({ root }: JobPlace): Isolation {
  return readIfThere(join(root, "isolation"))?.trim() === "sandbox" ? "sandbox" : "workspace";
}

const LOST = (job: string, why: string): Failure => ({ kind: "lost", why: `job ${job} of Slurm: ${why}` });

/** Ends that only Slurm knows of. */
function outside(
  order: AttemptOrder,
  { job, end, cancelled }: { readonly job: string; readonly end: JobEnd; readonly cancelled: boolean },
): Failure | undefined {
  if (end.kind !== "ended") return undefined;
  switch (end.state) {
    case "OUT_OF_MEMORY":
      return { kind: "oom", limitBytes: order.memoryBytes, peakBytes: null };
    case "TIMEOUT":
    case "DEADLINE":
      if (order.timeoutMs !== null) return { kind: "timeout", limitMs: order.timeoutMs };
      return {
        kind: "refused",
        why: `job ${job} reached the time limit of its partition`,
        next: "write `timeout:`, so that the job asks for the time it needs",
      };
    case "CANCELLED":
      return cancelled ? undefined : LOST(job, "it was cancelled, and not by Sluice");
    case "BOOT_FAIL":
    case "NODE_FAIL":
    case "PREEMPTED":
    case "REVOKED":
      return LOST(job, `${end.state} (${end.reason})`);
    default:
      return undefined;
  }
}

async function untold(
  place: JobPlace,
  order: AttemptOrder,
  { job, end }: { readonly job: string; readonly end: JobEnd },
): Promise<Failure> {
  const unfit = readIfThere(join(place.root, "unfit"));
  if (unfit !== undefined) return unfitNode(order, unfit.trim());
  if (end.kind === "unknown") return LOST(job, "Slurm does not know it any more");
  if (end.kind === "silent") return LOST(job, "Slurm does not answer");
  if (end.state !== "FAILED") return LOST(job, `${end.state} (${end.reason})`);
  const signal = await signalOf(job);
  if (signal !== undefined) return { kind: "signal", signal };
  const said = `${readIfThere(join(place.root, "slurm.log")) ?? ""}${readIfThere(join(place.root, "said")) ?? ""}`;
  const line = said.trim().split("\n").at(-1)?.slice(0, 300);
  return {
    kind: "refused",
    why: `job ${job} could not start the step: ${line === undefined || line === "" ? end.reason : line}`,
    next: `see that every node has \`${process.execPath}\` and \`${place.options.directory}\` at the same paths`,
  };
}

function unfitNode(order: AttemptOrder, unfit: string): Failure {
  if (unfit === "sandbox")
    return {
      kind: "refused",
      why: "`sandbox: require`, but bubblewrap does not start on the node",
      next: "install bubblewrap on the nodes",
    };
  const [, at, found = ""] = unfit.split(" ");
  const [name = "", expected = ""] = Object.entries(order.tools)[Number(at)] ?? [];
  if (found === "") return unknownTool(name, expected);
  return { kind: "environment", name, expected, found, line: `tools: { ${name}: "${found}" }` };
}

/** By which signal Slurm ended the job's script, such as one that went over its memory where no kernel counts it. */
async function signalOf(job: string): Promise<string | undefined> {
  const { stdout } = await askSlurm("scontrol", ["show", "job", "--oneliner", job]);
  const [, code = "0", direct = "0"] = / ExitCode=(\d+):(\d+)/.exec(stdout) ?? [];
  // Where the launcher was hit first, bubblewrap says so in the manner of a shell.
  const number = direct === "0" ? Number(code) - 128 : Number(direct);
  return Object.entries(constants.signals).find(([, one]) => one === number)?.[0];
}

async function toldBy({ root }: JobPlace, looks: number): Promise<LaunchEnd | undefined> {
  for (let look = 1; ; look++) {
    const told = endIn(readIfThere(join(root, "end")) ?? "");
    if (told !== undefined || look === looks || readIfThere(join(root, "unfit")) !== undefined) return told;
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
