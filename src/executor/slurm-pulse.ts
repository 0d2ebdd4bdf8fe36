import { readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";

import { removeTree } from "./remove-tree.ts";
import { askSlurm } from "./slurm-command.ts";

/** Every job is named so; its comment says whose it is. */
export const JOB_NAME = "sluice";

/** A file that is written again and again while its worker lives, where all workers of a service see it. */
export interface Pulse {
  readonly path: string;
  close(): void;
}

const EVERY_MS = 10_000;
/** A worker of another machine is gone when nothing came from it for so long: network file systems tell late. */
export const GONE_AFTER_MS = 180_000;
const SUFFIX = ".pulse";
let count = 0;

export function startPulse(directory: string): Pulse {
  const path = join(directory, `slurm-${processSpace()}-${process.pid}-${++count}${SUFFIX}`);
  // Written, not touched: the time is then the file system's and not this machine's.
  const beat = (): void => writeFileSync(path, ".", { mode: 0o600 });
  beat();
  const timer = setInterval(beat, EVERY_MS).unref();
  return {
    path,
    close() {
      clearInterval(timer);
      rmSync(path, { force: true });
    },
  };
}

/** How the directories of a worker's attempts begin. */
export function placesOf(pulse: string): string {
  return `${pulse.slice(0, -SUFFIX.length)}.job-`;
}

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
  if (asked.code === 0) forget(pulse, busy);
}

/** A worker that was killed leaves its file, and orders with secrets that no job took; they go when its last job has. */
function forget(pulse: Pulse, busy: ReadonlySet<string>): void {
  const directory = dirname(pulse.path);
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (!name.endsWith(SUFFIX) || path === pulse.path || busy.has(path) || !isGone(path, pulse.path)) continue;
    for (const other of readdirSync(directory))
      if (join(directory, other).startsWith(placesOf(path))) removeTree(join(directory, other));
    rmSync(path, { force: true });
  }
}

function isGone(path: string, own: string): boolean {
  const then = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  if (then === undefined) return true;
  const now = statSync(own, { throwIfNoEntry: false })?.mtimeMs ?? then;
  return now - then > GONE_AFTER_MS || hasEndedHere(path);
}

function hasEndedHere(path: string): boolean {
  const [, space, pid] = /^slurm-(.+)-(\d+)-\d+\.pulse$/.exec(basename(path)) ?? [];
  if (space !== processSpace()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
}

/** Where a process number means something: this machine, or this container of it. */
function processSpace(): string {
  const space = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "";
  return `${hostname().replaceAll(/[^\w.]/g, "_")}-${space}`;
}
