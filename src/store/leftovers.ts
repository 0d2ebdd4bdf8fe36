import { rmSync } from "node:fs";
import { join } from "node:path";

import { parseRunId } from "../identity/identity.ts";
import { breather } from "./breather.ts";
import { removeOldCheckpoints } from "./checkpoints.ts";
import type { Kept } from "./collector.ts";
import { removeOldMarks } from "./lost-bytes.ts";
import { seenAt } from "./objects.ts";
import { domainsIn, isOlder, isTemporary, namesIn } from "./store-files.ts";

/** That a step of so long ago was evicted tells nobody anything: marks that nobody wrote anew go. */
const MARKS_STAY_MS = 365 * 86_400_000;

/** What those know who run the steps. */
export interface CollectHands {
  /** Takes away whatever a step has left. */
  readonly remove: (path: string) => void;
  /** Takes away what processes that were killed have left in a directory of workspaces. */
  readonly removeAbandoned: (directory: string) => void;
}

/** Removes what lies beside bytes and results and is no use to anybody; checkpoints have a time of their own. */
export async function removeLeftovers(
  root: string,
  kept: Omit<Kept, "live"> & { readonly checkpointsSince: number },
  hands: CollectHands,
): Promise<void> {
  hands.removeAbandoned(join(root, "work"));
  removeOldMarks(root, kept.olderThan);
  removeOldCheckpoints(join(root, "checkpoints"), kept.checkpointsSince, hands.remove);
  const breathe = breather();
  for (const path of leftovers(root, kept)) {
    await breathe();
    rmSync(path, { recursive: true, force: true });
  }
}

/**
 * What crashes, evictions and runs that are over left beside the bytes, and nobody wrote to for long. Directories by
 * domain and by the beginning of a digest stay: whoever writes into them does not look again whether they are there.
 */
function* leftovers(root: string, { runs, olderThan }: Omit<Kept, "live">): Generator<string> {
  const isOld = (path: string): boolean => {
    const stat = seenAt(path);
    return stat !== undefined && isOlder(stat, olderThan);
  };
  for (const path of below(join(root, "corrupt"))) if (isOld(path)) yield path;
  for (const name of namesIn(root)) {
    const path = join(root, name);
    if ((isTemporary(name) || name.startsWith("ready-")) && isOld(path)) yield path;
  }
  for (const path of below(join(root, "begun"))) {
    const run = parseRunId(path.slice(path.lastIndexOf("/") + 1));
    if ((run === undefined || !runs.has(run)) && isOld(path)) yield path;
  }
  for (const path of besideResults(root)) if (isOld(path) && below(path).every(isOld)) yield path;
  for (const path of below(join(root, "evicted"))) {
    const stat = seenAt(path);
    if (stat !== undefined && isOlder(stat, olderThan - MARKS_STAY_MS)) yield path;
  }
}

/** Half-written files, and what was observed or revoked of results that are not there any more. */
function* besideResults(root: string): Generator<string> {
  for (const kind of ["results", "revocations", "observations"])
    for (const domain of domainsIn(root, kind))
      for (const name of namesIn(join(root, kind, domain))) {
        const hex = /^[0-9a-f]{64}/.exec(name)?.[0] ?? "";
        const ofNone = kind !== "results" && seenAt(join(root, "results", domain, `${hex}.json`)) === undefined;
        if (isTemporary(name) || ofNone) yield join(root, kind, domain, name);
      }
}

function below(directory: string): readonly string[] {
  return namesIn(directory).map((name) => join(directory, name));
}
