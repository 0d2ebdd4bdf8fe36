import { rmSync } from "node:fs";
import { join } from "node:path";

import type { Digest } from "../identity/identity.ts";
import { breather } from "./breather.ts";
import { namedBy, type Collected, type Kept, type Stuck } from "./collector.ts";
import { evict, type Doomed } from "./evict.ts";
import { removeLeftovers, type CollectHands } from "./leftovers.ts";
import { listing } from "./objects.ts";
import { removeIndexes } from "./result-index.ts";
import { isOlder, objectsIn, resultsIn } from "./store-files.ts";

/** With what could not be taken away. */
export interface CollectedHere extends Collected {
  readonly stuck: readonly Stuck[];
}

/**
 * Removes bytes that nothing names, while nobody else uses the store. Results that lose bytes are removed too and
 * remembered as evicted, so that plans can say so. A young result keeps its bytes however old they are: equal ones may
 * have been there for long.
 */
export async function collect(root: string, kept: Kept, hands: CollectHands): Promise<CollectedHere> {
  const { olderThan, runs } = kept;
  const stuck: Stuck[] = [];
  const tell = (one: Stuck): void => void stuck.push(one);
  const results: Doomed[] = [];
  const named = new Set(kept.live);
  for (const { result, ...found } of resultsIn(root)) {
    if (result === undefined) {
      if (isOlder(found.stat, olderThan)) removeFile(found.path, tell);
      continue;
    }
    results.push({ ...found, result });
    const isYoung = Date.parse(result.made.finishedAt) >= olderThan || runs.has(result.made.run);
    if (isYoung) for (const digest of namedBy(result)) named.add(digest);
  }
  const found = [...objectsIn(root)];
  for (const { digest, stat } of found) if (digest !== undefined && !isOlder(stat, olderThan)) named.add(digest);
  const listings = new Set(found.flatMap(({ digest, isListing }) => (isListing && digest !== undefined ? digest : [])));
  await addFiles(root, named, listings);
  await removeLeftovers(root, { ...kept, checkpointsSince: olderThan }, { ...hands, stuck: tell });
  let [objects, bytes] = [0, 0];
  const gone = new Set<Digest>();
  for (const { path, digest, stat } of found) {
    if (!isOlder(stat, olderThan) || (digest !== undefined && named.has(digest))) continue;
    if (!removeFile(path, tell)) continue;
    if (digest !== undefined) gone.add(digest);
    objects++;
    bytes += stat.size;
  }
  const lost = results.filter(({ result }) => result.facts.outputs.some(({ digest }) => gone.has(digest)));
  const evicted = lost.filter((one) => evictHere(root, one, tell));
  // The index would still know of them.
  if (lost.length > 0) removeIndexes(join(root, "index"));
  return { objects, bytes, results: evicted.length, stuck };
}

function removeFile(path: string, tell: (stuck: Stuck) => void): boolean {
  try {
    rmSync(path, { force: true });
    return true;
  } catch (error) {
    tell({ path, error });
    return false;
  }
}

/** Nobody else uses the store: what stays could not be moved. */
function evictHere(root: string, one: Doomed, tell: (stuck: Stuck) => void): boolean {
  try {
    if (evict(root, one)) return true;
    throw new Error("it cannot be moved");
  } catch (error) {
    tell({ path: one.path, error });
    return false;
  }
}

/** Directories keep the files that they list. */
export async function addFiles(root: string, named: Set<Digest>, listings: ReadonlySet<Digest>): Promise<void> {
  const breathe = breather();
  for (const directory of [...named].filter((digest) => listings.has(digest))) {
    await breathe();
    for (const entry of listing(root, directory) ?? []) if (!("link" in entry)) named.add(entry.digest);
  }
}
