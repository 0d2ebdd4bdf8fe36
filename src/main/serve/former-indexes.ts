import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** The file that an earlier version wrote, and one for each set of keys. */
const INDEX = /^(history(?:-[0-9a-f]{12})?\.sqlite)(?:-wal|-shm)?$/;

/**
 * Removes the indexes beside `current` that no process holds: of keys that were in use before, and of earlier versions.
 * Whoever opens one of them again has it made anew from the ledger.
 */
export function removeFormerIndexes(directory: string, current: string): void {
  const found = new Set(readdirSync(directory).flatMap((name) => INDEX.exec(name)?.[1] ?? []));
  found.delete(current);
  for (const name of found) {
    const path = join(directory, name);
    // What cannot be removed is in nobody's way, and is tried again by the next start.
    try {
      if (isHeld(path)) continue;
      for (const file of [path, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true });
    } catch {}
  }
}

/** Whether another process has it open: only without one does SQLite take a file out of its shared mode. */
function isHeld(path: string): boolean {
  try {
    const database = new DatabaseSync(path, { timeout: 0 });
    try {
      const [mode] = Object.values(database.prepare("pragma journal_mode = delete").get() ?? {});
      return mode !== "delete";
    } finally {
      database.close();
    }
  } catch (error) {
    // Damaged, or no database at all, it is of no use to anybody.
    return !(error instanceof Error && "errcode" in error && (error.errcode === 11 || error.errcode === 26));
  }
}
