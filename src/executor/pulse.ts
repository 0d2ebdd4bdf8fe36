import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { hasEnded, processSpace } from "./process-space.ts";
import { removeTree } from "./remove-tree.ts";

/** A file that is written again and again while its worker lives, where all workers of a service see it. */
export interface Pulse {
  readonly path: string;
  close(): void;
}

/** Where a worker's jobs run. */
export type PulseKind = "slurm" | "kubernetes";

const EVERY_MS = 10_000;
/** A worker of another machine is gone when nothing came from it for so long: network file systems tell late. */
export const GONE_AFTER_MS = 180_000;
const SUFFIX = ".pulse";
let count = 0;

export function startPulse(directory: string, kind: PulseKind, onError: (error: unknown) => void): Pulse {
  const path = join(directory, `${kind}-${processSpace()}-${process.pid}-${++count}${SUFFIX}`);
  // Written, not touched: the time is then the file system's and not this machine's.
  const beat = (): void => writeFileSync(path, ".", { mode: 0o600 });
  beat();
  const timer = setInterval(() => {
    try {
      beat();
    } catch (error) {
      // A disk that is full for a while ends no worker; the next beat may come through.
      onError(error);
    }
  }, EVERY_MS).unref();
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

/** A worker that was killed leaves its file, and orders with secrets that no job took; they go when its last job has. */
export function forget(pulse: Pulse, kind: PulseKind, busy: ReadonlySet<string>): void {
  const directory = dirname(pulse.path);
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (!name.startsWith(`${kind}-`) || !name.endsWith(SUFFIX)) continue;
    if (path === pulse.path || busy.has(path) || !isGone(path, pulse.path)) continue;
    for (const other of readdirSync(directory))
      if (join(directory, other).startsWith(placesOf(path))) removeTree(join(directory, other));
    rmSync(path, { force: true });
  }
}

/** True where the worker that wrote this file lives no more, as far as `own` can tell the time. */
export function isGone(path: string, own: string): boolean {
  const then = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  if (then === undefined) return true;
  const now = statSync(own, { throwIfNoEntry: false })?.mtimeMs ?? then;
  return now - then > GONE_AFTER_MS || hasEndedHere(path);
}

function hasEndedHere(path: string): boolean {
  const [, space, pid] = /^[a-z]+-(.+)-(\d+)-\d+\.pulse$/.exec(basename(path)) ?? [];
  return space === processSpace() && hasEnded(Number(pid));
}
