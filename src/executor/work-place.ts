import { lutimesSync, mkdirSync, mkdtempSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";

import { hasEnded, processSpace } from "./process-space.ts";
import { removeTrees } from "./remove-tree.ts";

/** What the directory is made for. */
export type WorkPlaceKind = "slot" | "stranger" | "container" | "dataset";

const NAME = /^(?:slot|stranger|container|dataset)-(.+)-(\d+)-[A-Za-z0-9]{6}$/;
const EVERY_MS = 3_600_000;
/** Whatever a step made of it. */
const MANY = Number.POSITIVE_INFINITY;
/** A process of another machine is gone when nothing came from it for so long. */
export const GONE_AFTER_MS = 7 * 86_400_000;

/**
 * Makes a directory that is this process's alone, in one that executors, processes and machines may share: a process
 * number says nothing there, because every container has the same ones.
 */
export function makeWorkPlace(directory: string, kind: WorkPlaceKind): string {
  mkdirSync(directory, { recursive: true });
  return mkdtempSync(join(directory, `${kind}-${processSpace()}-${process.pid}-`));
}

/** Shows other machines that this process still has its places; until it is disposed of. */
export function keepFresh(places: () => readonly string[]): Disposable {
  const timer = setInterval(() => {
    for (const place of places()) touch(place);
  }, EVERY_MS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Says that a path, or the link itself that stands there, is used now. */
export function touch(place: string): void {
  try {
    const now = new Date();
    lutimesSync(place, now, now);
  } catch {
    // It is gone, or nothing can be written now: the next time.
  }
}

/** True where the process that made the place lives no more; `now` in ms since 1970. */
export function isAbandoned(place: string, now: number): boolean {
  const [, space, pid] = NAME.exec(basename(place)) ?? [];
  if (space === undefined) return false;
  if (space === processSpace()) return hasEnded(Number(pid));
  const then = statSync(place, { throwIfNoEntry: false })?.mtimeMs;
  return then !== undefined && now - then > GONE_AFTER_MS;
}

/** Removes what processes that were killed have left; what cannot be removed stays for the next time. */
export async function removeAbandoned(directory: string, now: number): Promise<void> {
  for (const name of namesIn(directory)) {
    const place = join(directory, name);
    try {
      if (isAbandoned(place, now)) await removeTrees([place], MANY);
    } catch {
      // The next time.
    }
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
