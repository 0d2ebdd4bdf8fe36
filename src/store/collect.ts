import { rmSync } from "node:fs";
import { join } from "node:path";

import type { Digest } from "../identity/identity.ts";
import { breather } from "./breather.ts";
import { namedBy, type Collected, type Kept } from "./collector.ts";
import { evict, type Doomed } from "./evict.ts";
import { removeLeftovers, type CollectHands } from "./leftovers.ts";
import { listing } from "./objects.ts";
import { removeIndexes } from "./result-index.ts";
import { isOlder, objectsIn, resultsIn } from "./store-files.ts";

/**
 * Removes bytes that nothing names, while nobody else uses the store. Results that lose bytes are removed too and
 * remembered as evicted, so that plans can say so. A young result keeps its bytes however old they are: equal ones may
 * have been there for long.
 */
export async function collect(root: string, kept: Kept, hands: CollectHands): Promise<Collected> {
  const { olderThan, runs } = kept;
  const results: Doomed[] = [];
  const named = new Set(kept.live);
  for (const { result, ...found } of resultsIn(root)) {
    if (result === undefined) {
      if (isOlder(found.stat, olderThan)) rmSync(found.path, { force: true });
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
  await removeLeftovers(root, { ...kept, checkpointsSince: olderThan }, hands);
  let [objects, bytes] = [0, 0];
  const gone = new Set<Digest>();
  for (const { path, digest, stat } of found) {
    if (!isOlder(stat, olderThan) || (digest !== undefined && named.has(digest))) continue;
    rmSync(path, { force: true });
    if (digest !== undefined) gone.add(digest);
    objects++;
    bytes += stat.size;
  }
  const lost = results.filter(({ result }) => result.facts.outputs.some(({ digest }) => gone.has(digest)));
  for (const one of lost) evict(root, one);
  // The index would still know of them.
  if (lost.length > 0) removeIndexes(join(root, "index"));
  return { objects, bytes, results: lost.length };
}

/** Directories keep the files that they list. */
export async function addFiles(root: string, named: Set<Digest>, listings: ReadonlySet<Digest>): Promise<void> {
  const breathe = breather();
  for (const directory of [...named].filter((digest) => listings.has(digest))) {
    await breathe();
    for (const entry of listing(root, directory) ?? []) if (!("link" in entry)) named.add(entry.digest);
  }
}
