import { closeSync, existsSync, fstatSync, linkSync, openSync, renameSync, rmSync, type Stats } from "node:fs";

import { isCode } from "./objects.ts";
import { temporaryBeside } from "./write-once.ts";

/**
 * Removes a file that nobody uses, while others may begin to: it is moved aside first and looked at once more. Whoever
 * finds it there makes it young and looks whether it is still there before relying on it (`staysThere`): before the move
 * that is seen here, and it is put back; after the move it is missed there, and written anew. No order of the two loses
 * what somebody relies on. What `unused` looks at beside the file is looked at once more too. What is left is a moment
 * in which readers miss what is put back, and a crash just then: both count as lost bytes, which are computed again.
 * What cannot be looked at or moved stays.
 */
export function takeAway(path: string, unused: (stat: Stats) => boolean): boolean {
  const moved = moveAside(path, unused);
  return moved !== undefined && removeMoved(moved);
}

/** What nobody finds under its name any more. */
export interface Moved {
  readonly path: string;
  readonly aside: string;
  readonly seen: Stats;
}

/** The first half of it; undefined where it stays. */
export function moveAside(path: string, unused: (stat: Stats) => boolean): Moved | undefined {
  const seen = opened(path);
  if (seen === undefined || !unused(seen)) return undefined;
  const moved = { path, aside: temporaryBeside(path), seen };
  try {
    renameSync(path, moved.aside);
    if (isUntouched(moved) && unused(seen)) return moved;
  } catch {
    // It went just now, or may not be moved.
  }
  giveBack(moved);
  return undefined;
}

/** The second half; false where somebody made it young, who finds it again. */
export function removeMoved(moved: Moved): boolean {
  if (!isUntouched(moved)) {
    giveBack(moved);
    return false;
  }
  try {
    rmSync(moved.aside, { force: true });
  } catch {
    // It is old, and goes the next time.
  }
  return true;
}

function isUntouched({ aside, seen }: Moved): boolean {
  const now = opened(aside);
  return now !== undefined && isSame(now, seen);
}

function giveBack({ aside, path }: Moved): void {
  try {
    putBack(aside, path);
    rmSync(aside, { force: true });
  } catch {
    // It lies aside then: what goes on as if it were lost is computed again.
  }
}

/** Moving changes the ctime alone. */
export function isSame(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.mtimeMs === other.mtimeMs;
}

/** A file system of the network answers from memory until a file is opened. Undefined: nobody can say. */
function opened(path: string): Stats | undefined {
  try {
    const file = openSync(path, "r");
    try {
      return fstatSync(file);
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

/** Where somebody wrote it anew meanwhile, theirs stays; a system may refuse links to what belongs to somebody else. */
function putBack(aside: string, path: string): void {
  try {
    linkSync(aside, path);
  } catch (error) {
    if (!isCode(error, "EEXIST") && !existsSync(path)) renameSync(aside, path);
  }
}
