import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { RunId } from "../identity/identity.ts";
import type { BegunAttempt } from "../run/unseen-attempts.ts";
import { isCode } from "./objects.ts";

/** What workers began for runs that are not recorded yet: it outlives them, their controllers and the queue. */
export interface BegunAttempts {
  /** Called before anything of the attempt is done; fails where that cannot be kept. */
  begin(run: RunId, id: string): Promise<void>;
  of(run: RunId): Promise<readonly BegunAttempt[]>;
  /** The run is recorded. */
  forget(run: RunId): Promise<void>;
}

/** One empty file for each attempt that was begun, beside the results of a store. */
export function begunAttempts(root: string): BegunAttempts {
  const directory = (run: RunId): string => join(root, "begun", run);
  return {
    async begin(run, id) {
      mkdirSync(directory(run), { recursive: true });
      writeFileSync(join(directory(run), `${id}.${randomUUID()}`), "", { flag: "wx" });
    },
    async of(run) {
      return names(directory(run)).flatMap((name) => {
        const stat = statSync(join(directory(run), name), { throwIfNoEntry: false });
        const id = name.slice(0, name.indexOf("."));
        return stat === undefined ? [] : [{ id, startedAt: new Date(Math.floor(stat.mtimeMs)).toISOString() }];
      });
    },
    async forget(run) {
      rmSync(directory(run), { recursive: true, force: true });
    },
  };
}

function names(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isCode(error, "ENOENT")) return [];
    throw new Error(`reading what was begun in ${directory}`, { cause: error });
  }
}
