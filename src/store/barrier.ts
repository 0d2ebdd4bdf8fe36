import { execFile } from "node:child_process";
import { closeSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** Above this many files one syncfs of the store's file system costs less than an fsync of each. */
const MANY = 100;

/** Objects and the directories that name them reach the disk: one by one, or by `sync -f` where there are many. */
export async function syncAll(root: string, paths: ReadonlySet<string>): Promise<void> {
  if (paths.size > MANY && process.platform === "linux" && (await syncFileSystem(root))) return;
  for (const path of new Set([...paths, ...[...paths].map((one) => dirname(one))])) {
    try {
      const file = openSync(path, "r");
      try {
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      // A temporary name, or an object that housekeeping removed meanwhile.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
  }
}

function syncFileSystem(root: string): Promise<boolean> {
  return new Promise((resolve) => execFile("sync", ["-f", root], (error) => resolve(error === null)));
}
