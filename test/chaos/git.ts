import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Git's answer in a directory. */
export async function gitIn(directory: string, ...args: readonly string[]): Promise<string> {
  const env = { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" };
  const { stdout } = await promisify(execFile)("git", ["-C", directory, ...args], {
    env,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  return stdout;
}

/** Runs that are accepted and not recorded. */
export async function openRuns(bare: string): Promise<number> {
  const refs = await gitIn(bare, "for-each-ref", "--format=%(refname)", "refs/sluice/runs");
  return refs.split("\n").filter((line) => line !== "").length;
}

/** The commit of the newest push run of each pipeline. */
export async function newestPushRuns(bare: string): Promise<ReadonlyMap<string, string>> {
  const trailer = (name: string): string => `%(trailers:key=Sluice-${name},valueonly,separator=%x20)`;
  const format = `--format=${["Trigger", "Pipeline", "Source"].map(trailer).join(" ")}`;
  const log = await gitIn(bare, "log", "--reverse", format, "sluice/ledger", "--").catch(() => "");
  const found = new Map<string, string>();
  for (const line of log.split("\n")) {
    const [trigger, pipeline, source] = line.split(" ");
    if (trigger === "push" && pipeline !== undefined && source !== undefined) found.set(pipeline, source);
  }
  return found;
}
