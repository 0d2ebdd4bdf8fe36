import { readdirSync, rmSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";

export interface Trimming {
  /** True for a copy (its path) that the bucket does not have yet. */
  readonly held: (path: string) => boolean;
  readonly enough?: (() => boolean) | undefined;
}

/** A disk that is fuller than this makes room. */
const FULL = 0.8;

/** Removes the oldest copies of what a bucket holds while a disk is nearly full; whoever needs them brings them anew. */
export function trimCopies(local: string, { held, enough = () => hasRoom(local) }: Trimming): number {
  if (enough()) return 0;
  const copies = filesIn(join(local, "objects"))
    .flatMap((path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat === undefined ? [] : [{ path, at: stat.mtimeMs }];
    })
    .toSorted((a, b) => a.at - b.at);
  let removed = 0;
  for (const { path } of copies) {
    if (enough()) break;
    if (held(path)) continue;
    rmSync(path, { force: true });
    removed++;
  }
  return removed;
}

function hasRoom(directory: string): boolean {
  try {
    const { blocks, bavail } = statfsSync(directory);
    return bavail / blocks > 1 - FULL;
  } catch {
    return true;
  }
}

/** Directories stay: whoever writes into them does not look again whether they are there. */
function filesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true }).flatMap((entry) =>
      entry.isFile() && !entry.name.includes(".tmp-") ? [join(entry.parentPath, entry.name)] : [],
    );
  } catch {
    return [];
  }
}
