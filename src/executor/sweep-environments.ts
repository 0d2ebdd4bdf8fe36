import { execFile } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readlinkSync, renameSync, statSync, unlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";

import { hasEnded, processSpace } from "./process-space.ts";
import { removeTrees } from "./remove-tree.ts";
import { GONE_AFTER_MS, touch } from "./work-place.ts";

const DAY_MS = 86_400_000;
/** An environment with which no step began for so long is built anew for the next one. */
const UNUSED_MS = 30 * DAY_MS;
/** Begins the name of what no step finds any more, and some step may still use. */
const GOING = "going.";
const OURS = /^built\/[^/]+$/;

/**
 * Now and then removes environments that nobody uses any more, and what workers left behind that were killed while they
 * built; until it is disposed of.
 */
export function keepSwept(directory: string, everyMs = DAY_MS): AsyncDisposable {
  const stop = new AbortController();
  // What cannot be listed now is swept the next time.
  const sweep = (): Promise<void> => sweepEnvironments(directory, stop.signal).catch(() => undefined);
  let underWay = sweep();
  const timer = setInterval(() => {
    underWay = underWay.then(sweep);
  }, everyMs).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      stop.abort();
      await underWay;
    },
  };
}

async function sweepEnvironments(directory: string, signal: AbortSignal): Promise<void> {
  const now = Date.now();
  for (const link of linksIn(directory)) if (!signal.aborted) await unlessTaken(() => retire(directory, link, now));
  for (const part of ["building", "built"])
    for (const name of namesIn(join(directory, part)))
      if (!signal.aborted) await unlessTaken(() => removeLeft(directory, { part, name, now }));
}

async function unlessTaken(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch {
    // Another worker was first, or nothing can be written now: the next time.
  }
}

/** First nobody finds it any more, and a week later it goes: a step that began before may still run. */
async function retire(directory: string, link: string, now: number): Promise<void> {
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
    await remove(join(directory, target));
  }
}

async function removeLeft(
  directory: string,
  { part, name, now }: { readonly part: string; readonly name: string; readonly now: number },
): Promise<void> {
  const pid = name.startsWith(".") ? undefined : /\.(\d+)\.\d+$/.exec(name)?.[1];
  if (pid === undefined) return;
  const place = join(directory, part, name);
  const ended = name.includes(`.${processSpace()}.`) ? hasEnded(Number(pid)) : isOld(place, now);
  // Asked last: whoever published it had not ended before.
  if (ended && !linksIn(directory).some((link) => leadsTo(join(directory, link), join(part, name))))
    await remove(place);
}

/** A link that another worker renames or takes away at this moment may lead to any tree of its name. */
function leadsTo(link: string, tree: string): boolean {
  try {
    return readlinkSync(link) === tree;
  } catch {
    return basename(tree).startsWith(`${basename(link).replace(GOING, "")}.`);
  }
}

/** Beside what this process does: a whole environment takes seconds. */
async function remove(tree: string): Promise<void> {
  await promisify(execFile)("chmod", ["-R", "u+rwx", tree]).catch(() => undefined);
  await removeTrees([tree], Number.POSITIVE_INFINITY);
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
