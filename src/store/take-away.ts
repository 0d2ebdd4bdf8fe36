import { closeSync, fstatSync, linkSync, openSync, renameSync, rmSync, type Stats } from "node:fs";

import { isCode, seenAt } from "./objects.ts";
import { temporaryBeside } from "./write-once.ts";

/**
 * Removes a file that nobody uses, while others may begin to: it is moved aside first and looked at once more. Whoever
 * finds it there makes it young and looks whether it is still there before relying on it (`staysThere`): before the move
 * that is seen here, and it is put back; after the move it is missed there, and written anew. No order of the two loses
 * what somebody relies on. What is left is a moment in which readers miss what is put back, and a crash just then: both
 * count as lost bytes, which are computed again.
 */
export function takeAway(path: string, unused: (stat: Stats) => boolean): boolean {
  const seen = seenAt(path);
  if (seen === undefined || !unused(seen)) return false;
  const aside = temporaryBeside(path);
  try {
    renameSync(path, aside);
  } catch (error) {
    if (isCode(error, "ENOENT")) return false;
    throw error;
  }
  const gone = isSame(statNow(aside), seen);
  if (!gone) putBack(aside, path);
  rmSync(aside, { force: true });
  return gone;
}

/** Moving changes the ctime alone. */
export function isSame(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.mtimeMs === other.mtimeMs;
}

/** A file system of the network answers from memory until a file is opened. */
function statNow(path: string): Stats {
  const file = openSync(path, "r");
  try {
    return fstatSync(file);
  } finally {
    closeSync(file);
  }
}

/** Where somebody wrote it anew meanwhile, theirs stays. */
function putBack(aside: string, path: string): void {
  try {
    linkSync(aside, path);
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  }
}
