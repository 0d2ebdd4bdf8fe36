import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { unwritable } from "../result/unwritable.ts";
import type { AttemptEnd } from "./executor.ts";
import { removeTree } from "./remove-tree.ts";

interface Place {
  readonly root: string;
  readonly workspace: string;
}

/** More than a file system rounds up to: what a step could not write does not fit either. */
const PROBE = Buffer.alloc(65_536);

/**
 * A step that ended badly while nothing could be written beside its workspace met a full disk, whatever its exit code says.
 * What it wrote is of no use then and goes at once: its log and the record of the run need the room.
 */
export function unlessDiskFull(end: AttemptEnd, { root, workspace }: Place): AttemptEnd {
  const { failure } = end;
  const met = failure?.kind === "exit" || (failure?.kind === "signal" && failure.signal === "SIGBUS");
  if (!met || end.cancelled || !isFull(root)) return end;
  clear(workspace);
  return { ...end, failure: { kind: "disk-full", path: "." } };
}

function clear(workspace: string): void {
  try {
    for (const name of readdirSync(workspace)) removeTree(join(workspace, name));
  } catch {
    // The disk was full whether or not there is room now.
  }
}

function isFull(directory: string): boolean {
  const path = join(directory, "probe");
  try {
    writeFileSync(path, PROBE);
    rmSync(path);
    return false;
  } catch (error) {
    if (unwritable(error)?.kind !== "full") return false;
    rmSync(path, { force: true });
    return true;
  }
}
