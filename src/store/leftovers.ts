import { rm } from "node:fs/promises";
import { join } from "node:path";

import { parseRunId } from "../identity/identity.ts";
import { inTurns } from "./breather.ts";
import { removeOldCheckpoints } from "./checkpoints.ts";
import type { Kept, Stuck } from "./collector.ts";
import { removeOldMarks } from "./lost-bytes.ts";
import { seenAt } from "./objects.ts";
import { domainsIn, isOlder, isTemporary, namesIn } from "./store-files.ts";

/**
 * That a step of so long ago was evicted or begun tells nobody anything: marks that nobody wrote anew go. A repository
 * that comes back goes on with its runs, and would do again what was begun for them.
 */
const MARKS_STAY_MS = 365 * 86_400_000;

/** What those know who run the steps. */
export interface CollectHands {
  /** Takes away whatever a step has left. */
  readonly remove: (path: string) => Promise<void>;
  /** Takes away what processes that were killed have left in a directory of workspaces. */
  readonly removeAbandoned: (directory: string) => Promise<void>;
}

/** Removes what lies beside bytes and results and is no use to anybody; checkpoints have a time of their own. */
export async function removeLeftovers(
  root: string,
  kept: Omit<Kept, "live"> & { readonly checkpointsSince: number },
  hands: CollectHands & {
    readonly lost?: AbortSignal | undefined;
    /** Told of each that keeps nothing else; default: it is tried again the next time. */
    readonly stuck?: (stuck: Stuck) => void;
  },
): Promise<void> {
  if (hands.lost?.aborted === true) return;
  await hands.removeAbandoned(join(root, "work"));
  await removeOldMarks(root, kept.olderThan);
  await removeOldCheckpoints(join(root, "checkpoints"), kept.checkpointsSince, hands);
  for await (const { path, of, olderThan } of inTurns(leftovers(root, kept), hands.lost)) {
    const stays = of !== undefined && seenAt(of) !== undefined;
    if (!stays && (await isOld(path, olderThan))) await remove(path, hands.stuck);
  }
}

interface Leftover {
  readonly path: string;
  /** What it stays as long as. */
  readonly of?: string;
  readonly olderThan: number;
}

/**
 * What crashes, evictions and runs that are over left beside the bytes; it goes when nobody wrote to it for long.
 * Directories by domain and by the beginning of a digest stay: whoever writes into them does not look again whether they
 * are there.
 */
function* leftovers(root: string, { runs, olderThan }: Omit<Kept, "live">): Generator<Leftover> {
  for (const path of below(join(root, "corrupt"))) yield { path, olderThan };
  for (const name of namesIn(root))
    if (isTemporary(name) || name.startsWith("ready-")) yield { path: join(root, name), olderThan };
  for (const name of namesIn(join(root, "begun"))) {
    const run = parseRunId(name);
    if (run === undefined || !runs.has(run))
      yield { path: join(root, "begun", name), olderThan: olderThan - MARKS_STAY_MS };
  }
  for (const kind of ["results", "revocations", "observations"])
    for (const domain of domainsIn(root, kind))
      for (const name of namesIn(join(root, kind, domain))) {
        const path = join(root, kind, domain, name);
        const of = join(root, "results", domain, `${name.slice(0, 64)}.json`);
        if (isTemporary(name)) yield { path, olderThan };
        else if (kind !== "results") yield { path, of, olderThan };
      }
  for (const path of below(join(root, "evicted"))) yield { path, olderThan: olderThan - MARKS_STAY_MS };
}

/** With what lies in it. */
async function isOld(path: string, olderThan: number): Promise<boolean> {
  const stat = seenAt(path);
  if (stat === undefined || !isOlder(stat, olderThan)) return false;
  if (!stat.isDirectory()) return true;
  for await (const one of inTurns(below(path))) if (!(await isOld(one, olderThan))) return false;
  return true;
}

async function remove(path: string, stuck: ((stuck: Stuck) => void) | undefined): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    stuck?.({ path, error });
  }
}

function below(directory: string): readonly string[] {
  return namesIn(directory).map((name) => join(directory, name));
}
