import { randomUUID } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, renameSync, utimesSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";

import { hexOf, type Digest, type Domain } from "../identity/identity.ts";

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

/**
 * Removes directories in which nothing was written since `olderThan` (ms since 1970), and what removals left behind, while
 * attempts may begin to go on from them.
 */
export function removeOldCheckpoints(root: string, olderThan: number, remove: (path: string) => void): void {
  for (const path of checkpointsIn(root))
    try {
      removeOld(path, olderThan, remove);
    } catch {
      // One that cannot be taken away keeps nothing else.
    }
}

/** What lies beside it as long as its removal takes: nobody goes on from half of one. */
function removeOld(path: string, olderThan: number, remove: (path: string) => void): void {
  const seen = statOf(path);
  if (seen === undefined || newest(path) >= olderThan) return;
  const aside = besideOf(path);
  renameSync(path, aside);
  if (statOf(aside)?.mtimeMs === seen.mtimeMs) remove(aside);
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

function newest(path: string): number {
  const stat = statOf(path);
  if (stat === undefined) return 0;
  const inside = stat.isDirectory() ? namesIn(path).map((name) => newest(join(path, name))) : [];
  return inside.reduce((last, one) => Math.max(last, one), Math.max(stat.mtimeMs, stat.ctimeMs));
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
