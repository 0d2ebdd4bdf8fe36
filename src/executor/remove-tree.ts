import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmodSync, lstatSync, readdirSync, renameSync, rmdirSync, rmSync, unlinkSync } from "node:fs";

/**
 * Removes what a step left at a path, whatever rights it took away and however deep it lies: directories are opened, and
 * what lies in them comes up beside the path, because a name may be longer than the system takes.
 */
export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
    return;
  } catch {
    // It has to be opened first, or is too deep.
  }
  const own = randomUUID();
  const left = [path];
  for (let at = left.pop(), count = 0; at !== undefined; at = left.pop()) {
    if (!openUp(at)) {
      unlinkSync(at);
      continue;
    }
    for (const name of readdirSync(at)) {
      const entry = `${at}/${name}`;
      // Moving a directory takes the right to write to it.
      if (!openUp(entry)) {
        unlinkSync(entry);
        continue;
      }
      const beside = `${path}.${own}-${count++}`;
      renameSync(entry, beside);
      left.push(beside);
    }
    rmdirSync(at);
  }
}

/** From so many files on it pays to start a process. */
const MANY = 100;

/** Removes trees that hold about so many files: another process does it where they are many, while this one goes on. */
export async function removeTrees(paths: readonly string[], files: number): Promise<void> {
  if (files >= MANY)
    await new Promise<void>((resolve) => {
      execFile("rm", ["-rf", "--", ...paths], () => resolve());
    });
  // All of few, and what the process could not: without rights, too deep, or where there is no such program.
  for (const path of paths) removeTree(path);
}

/** Gives back the rights to a directory; false: it is none. */
export function openUp(path: string): boolean {
  const stat = lstatSync(path);
  if (!stat.isDirectory()) return false;
  if ((stat.mode & 0o700) !== 0o700) chmodSync(path, stat.mode | 0o700);
  return true;
}
