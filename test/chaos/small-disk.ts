import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A disk that is quickly full, where the store lies. */
export interface SmallDisk {
  fill(): void;
  /** Room for everybody again. */
  empty(): void;
  /** From now on it can be read only; false while somebody is writing. */
  refuse(): boolean;
  take(): void;
  unmount(): void;
}

const SIZE = "96m";

/** Mounts a small file system at a directory; undefined where this process may not. */
export function smallDisk(directory: string): SmallDisk | undefined {
  mkdirSync(directory, { recursive: true });
  if (!mounted(directory)) return undefined;
  const filler = join(directory, "filler");
  let emptied = true;
  const empty = (): void => {
    try {
      rmSync(filler, { force: true });
    } catch {
      // It takes nothing at the moment, and this neither: whoever lets it take again does this too.
      emptied = false;
    }
  };
  return {
    fill() {
      const { bavail, bsize } = statfsSync(directory);
      try {
        writeFileSync(filler, Buffer.alloc(bavail * bsize));
      } catch {
        // Somebody else took the last bytes: it is full all the same.
      }
    },
    empty,
    refuse: () => remounted(directory, "ro"),
    take() {
      remounted(directory, "rw");
      if (!emptied) empty();
      emptied = true;
    },
    unmount: () => void spawnSync("umount", ["--lazy", directory]),
  };
}

function mounted(directory: string): boolean {
  return spawnSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE},mode=755`, "tmpfs", directory]).status === 0;
}

function remounted(directory: string, how: "ro" | "rw"): boolean {
  return spawnSync("mount", ["-o", `remount,${how}`, directory]).status === 0;
}

/** Whether this process may mount at all. */
export function canMount(): boolean {
  const directory = mkdtempSync(join(tmpdir(), "sluice-mount-"));
  try {
    if (!mounted(directory)) return false;
    spawnSync("umount", [directory]);
    return true;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
