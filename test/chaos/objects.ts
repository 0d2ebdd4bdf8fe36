import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Turns over one bit of a stored object, as a disk does that says nothing. */
export function corruptObject(store: string, which: number): void {
  const all = readdirSync(join(store, "objects"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.includes("tmp"))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  const path = all[which % Math.max(1, all.length)];
  if (path === undefined) return;
  const bytes = readFileSync(path);
  if (bytes.length === 0) return;
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
  chmodSync(path, 0o444);
}
