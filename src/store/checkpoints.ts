import { randomUUID } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, renameSync, utimesSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";

import { hexOf, type Digest, type Domain } from "../identity/identity.ts";
import { inTurns } from "./breather.ts";
import type { Stuck } from "./collector.ts";

/** Whose directory it is; `run` where results belong to one run alone. */
export interface CheckpointOf {
  readonly domain: Domain;
  readonly key: Digest;
  readonly run: string | null;
}

/** Directories that the attempts of one key hand on to each other. */
export interface Checkpoints {
  /** Absolute path of a directory that is there. */
  open(of: CheckpointOf): string;
  drop(of: CheckpointOf): void;
}

/** Below a directory that all who compute the same keys share; `remove` takes away whatever a step has left. */
export function fileCheckpoints(root: string, remove: (path: string) => void): Checkpoints {
  const pathOf = ({ domain, key, run }: CheckpointOf): string =>
    join(root, domain, run === null ? hexOf(key) : `${hexOf(key)}.${run}`);
  return {
    open(of) {
      const path = pathOf(of);
      mkdirSync(path, { recursive: true });
      try {
        // Young again: it is not collected while an attempt goes on from it.
        utimesSync(path, new Date(), new Date());
      } catch {
        // A step gave it to somebody else, or it was moved away just then.
      }
      mkdirSync(path, { recursive: true });
      return path;
    },
    drop(of) {
      const path = pathOf(of);
      // Out of the way at once: whoever comes next begins anew, however long the removal takes.
      const aside = besideOf(path);
      try {
        renameSync(path, aside);
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
        throw error;
      }
      try {
        remove(aside);
      } catch {
        // Out of the way it is; what cannot be taken away now is old for the collection later.
      }
    },
  };
}

interface Removal {
  readonly remove: (path: string) => Promise<void>;
  readonly lost?: AbortSignal | undefined;
  /** Told of each that keeps nothing else; default: it is tried again the next time. */
  readonly stuck?: (stuck: Stuck) => void;
}

/**
 * Removes directories in which nothing was written since `olderThan` (ms since 1970), and what removals left behind, while
 * attempts may begin to go on from them.
 */
export async function removeOldCheckpoints(
  root: string,
  olderThan: number,
  { remove, lost, stuck }: Removal,
): Promise<void> {
  for await (const path of inTurns(checkpointsIn(root), lost))
    try {
      await removeOld(path, olderThan, remove);
    } catch (error) {
      stuck?.({ path, error });
    }
}

/** What lies beside it as long as its removal takes: nobody goes on from half of one. */
async function removeOld(path: string, olderThan: number, remove: Removal["remove"]): Promise<void> {
  const seen = statOf(path);
  if (seen === undefined || (await isYoung(path, olderThan))) return;
  const aside = besideOf(path);
  renameSync(path, aside);
  if (statOf(aside)?.mtimeMs === seen.mtimeMs) await remove(aside);
  // An attempt made it young just before: it has nothing but the empty one that it made anew.
  else renameSync(aside, path);
}

function besideOf(path: string): string {
  return join(dirname(path), `gone-${randomUUID()}`);
}

function checkpointsIn(root: string): readonly string[] {
  const domains = namesIn(root).flatMap((name) =>
    name === "fork" ? namesIn(join(root, name)).map((number) => join(root, name, number)) : [join(root, name)],
  );
  return domains.flatMap((domain) => namesIn(domain).map((name) => join(domain, name)));
}

/** With what lies in it. */
async function isYoung(path: string, than: number): Promise<boolean> {
  const stat = statOf(path);
  if (stat === undefined) return false;
  if (Math.max(stat.mtimeMs, stat.ctimeMs) >= than) return true;
  if (!stat.isDirectory()) return false;
  for await (const name of inTurns(namesIn(path))) if (await isYoung(join(path, name), than)) return true;
  return false;
}

/** Undefined: it has gone, or lies deeper than the system looks. */
function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
