import { execFile } from "node:child_process";
import { closeSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** Files that are to be on the disk before anybody relies on them. */
export interface Barrier {
  add(path: string): void;
  /** Everything that was added before is on the disk when this ends. */
  reach(): Promise<void>;
}

/** One at a time: whoever comes second may rely on what the first is still writing, or failed to write. */
export function syncBarrier(sync: (paths: ReadonlySet<string>) => Promise<void>): Barrier {
  let pending = new Set<string>();
  let last: Promise<void> = Promise.resolve();
  const drain = async (): Promise<void> => {
    const paths = pending;
    pending = new Set();
    try {
      await sync(paths);
    } catch (error) {
      for (const path of paths) pending.add(path);
      throw error;
    }
  };
  return {
    add: (path) => void pending.add(path),
    reach() {
      const reached = last.then(() => drain());
      last = reached.catch(() => undefined);
      return reached;
    },
  };
}

/** For copies of what is kept elsewhere. */
export const NO_BARRIER: Barrier = { add: () => undefined, reach: () => Promise.resolve() };

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
