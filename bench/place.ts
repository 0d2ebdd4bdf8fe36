import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The built command line by its path. */
export const SLUICE = join(import.meta.dirname, "..", "bin", "sluice");

/** Where a benchmark works: a new directory for each run, removed at the very end, because some file systems punish those who come after a deletion. */
export interface Place extends Disposable {
  fresh(): string;
}

export function place(): Place {
  const scratch = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  let directories = 0;
  return {
    fresh: () => join(scratch, String(++directories)),
    [Symbol.dispose]: () => rmSync(scratch, { recursive: true, force: true }),
  };
}
