import { chmodSync, closeSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Turns over one bit of a stored object, as a disk does that says nothing; false where there was none to hit. */
export function corruptObject(store: string, which: number): boolean {
  try {
    const all = readdirSync(join(store, "objects"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.includes("tmp"))
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted();
    const path = all[which % Math.max(1, all.length)];
    return path !== undefined && turnOver(path);
  } catch {
    // Taken away meanwhile, or on a disk that takes nothing.
    return false;
  }
}

function turnOver(path: string): boolean {
  const [first] = readFileSync(path);
  if (first === undefined) return false;
  chmodSync(path, 0o644);
  const file = openSync(path, "r+");
  try {
    writeSync(file, Uint8Array.of(first ^ 1), 0, 1, 0);
  } finally {
    closeSync(file);
    chmodSync(path, 0o444);
  }
  return true;
}
