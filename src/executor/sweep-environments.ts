import { existsSync, lstatSync, readdirSync, readlinkSync, renameSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";

import { hasEnded, processSpace } from "./process-space.ts";
import { removeTree } from "./remove-tree.ts";
import { GONE_AFTER_MS, touch } from "./work-place.ts";

/** An environment with which no step began for so long is built anew for the next one. */
const UNUSED_MS = 30 * 86_400_000;
/** Begins the name of what no step finds any more, and some step may still use. */
const GOING = "going.";
const OURS = /^built\/[^/]+$/;

/** Removes environments that nobody uses any more, and what workers left behind that were killed while they built. */
export function sweepEnvironments(directory: string, now: number): void {
  for (const link of linksIn(directory)) {
    try {
      retire(directory, link, now);
    } catch {
      // Another worker was first, or nothing can be written now: the next time.
    }
  }
  removeLeft(directory, now);
}

/** First nobody finds it any more, and a week later it goes: a step that began before may still run. */
function retire(directory: string, link: string, now: number): void {
  const at = join(directory, link);
  const target = readlinkSync(at);
  const unusedMs = now - lstatSync(at).mtimeMs;
  if (!OURS.test(target)) return;
  if (!link.startsWith(GOING)) {
    if (unusedMs < UNUSED_MS) return;
    touch(at);
    renameSync(at, join(directory, `${GOING}${link}`));
  } else if (unusedMs > GONE_AFTER_MS) {
    unlinkSync(at);
    removeTree(join(directory, target));
  }
}

function removeLeft(directory: string, now: number): void {
  const published = new Set(linksIn(directory).map((link) => readlinkSync(join(directory, link))));
  for (const part of ["building", "built"]) {
    for (const name of namesIn(join(directory, part))) {
      const pid = name.startsWith(".") ? undefined : /\.(\d+)\.\d+$/.exec(name)?.[1];
      if (pid === undefined || published.has(join(part, name))) continue;
      const place = join(directory, part, name);
      const ended = name.includes(`.${processSpace()}.`) ? hasEnded(Number(pid)) : isOld(place, now);
      if (ended) removeTree(place);
    }
  }
}

function namesIn(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

function linksIn(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { withFileTypes: true });
  return entries.filter((entry) => entry.isSymbolicLink()).map(({ name }) => name);
}

/** Of another machine nobody can say what still runs there; no build takes that long. */
function isOld(place: string, now: number): boolean {
  const then = statSync(place, { throwIfNoEntry: false })?.mtimeMs;
  return then !== undefined && now - then > GONE_AFTER_MS;
}
