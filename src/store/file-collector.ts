import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

import type { Digest } from "../identity/identity.ts";
import { inTurns } from "./breather.ts";
import { addFiles } from "./collect.ts";
import {
  BYTES_STAY_MS,
  COLLECTED,
  namedBy,
  stays,
  USERS,
  type Collected,
  type Collector,
  type KeptForAll,
  type Users,
} from "./collector.ts";
import { evict, evictedSince, type Doomed } from "./evict.ts";
import { removeLeftovers, type CollectHands } from "./leftovers.ts";
import { removeIndexes } from "./result-index.ts";
import { isOlder, modifiedAt, objectsIn, resultsIn, textAt, type FoundObject } from "./store-files.ts";
import { moveAside, removeMoved, takeAway, type Moved } from "./take-away.ts";
import { parsed, temporaryBeside } from "./write-once.ts";

const DAY = 86_400_000;
/** So long machines that mount a directory may know a name that went, and make young what lies aside. */
const REMEMBERED_MS = 90_000;
/** As long as beside the copies of a bucket: a step may go on from one that it did not write to for weeks. */
const CHECKPOINTS_STAY_MS = 30 * DAY;

interface Hands extends CollectHands {
  readonly lost: AbortSignal | undefined;
  readonly rememberedMs: number;
}

/** Housekeeping of a store in a directory, which processes of several machines go on using meanwhile. */
export function fileCollector(root: string, hands: CollectHands, rememberedMs = REMEMBERED_MS): Collector {
  return {
    async last() {
      const times = [COLLECTED, USERS].flatMap((name) => modifiedAt(join(root, name)) ?? []);
      return times.length === 0 ? undefined : Math.max(...times);
    },
    // What a machine that went down left torn says as much as nothing: then nothing is removed for long.
    users: async () => parsed(textAt(join(root, USERS)) ?? "") as Users | undefined,
    async keepUsers(users) {
      mkdirSync(root, { recursive: true });
      replace(join(root, USERS), users);
    },
    collect: (kept, lost) => collect(root, kept, { ...hands, lost, rememberedMs }),
  };
}

/**
 * Results go first, and what they name a day later: whoever read one just before goes on with its bytes. What is used
 * anew is made young by its writer, so each object is looked at once more before it goes.
 */
async function collect(root: string, kept: KeptForAll, hands: Hands): Promise<Collected> {
  const { lost } = hands;
  const isLost = (): boolean => lost?.aborted === true;
  const { named, doomed } = await resultsOf(root, kept, lost);
  for await (const digest of evictedSince(root, Date.now() - BYTES_STAY_MS)) named.add(digest);
  const old = await oldOnes(root, named, kept.olderThan);
  let results = 0;
  for await (const one of inTurns(doomed, lost)) if (evict(root, one)) results++;
  // Whoever collects next tells of what went.
  if (isLost()) return { objects: 0, bytes: 0, results };
  // Told before any bytes go, and even where there were none: whoever collected before may have died before telling.
  tell(root, { objects: 0, bytes: 0, results });
  const moved: Moved[] = [];
  for await (const { path, digest } of inTurns(old, lost)) {
    if (digest !== undefined && named.has(digest)) continue;
    const one = moveAside(path, (now) => isOlder(now, kept.olderThan));
    if (one !== undefined) moved.push(one);
  }
  const checkpointsSince = Math.min(kept.olderThan, Date.now() - CHECKPOINTS_STAY_MS);
  await removeLeftovers(root, { ...kept, checkpointsSince }, hands);
  if (moved.length > 0) await forgotten(hands);
  const collected = { ...(await removeAll(moved)), results };
  if (!isLost()) tell(root, collected);
  return collected;
}

async function forgotten({ rememberedMs, lost }: Hands): Promise<void> {
  try {
    await setTimeout(rememberedMs, undefined, { ref: false, ...(lost !== undefined && { signal: lost }) });
  } catch {
    // Nobody else looks at what lies aside: it is looked at now.
  }
}

async function removeAll(moved: readonly Moved[]): Promise<Pick<Collected, "objects" | "bytes">> {
  let [objects, bytes] = [0, 0];
  for await (const one of inTurns(moved)) {
    if (!removeMoved(one)) continue;
    objects++;
    bytes += one.seen.size;
  }
  return { objects, bytes };
}

async function resultsOf(
  root: string,
  kept: KeptForAll,
  lost: AbortSignal | undefined,
): Promise<{ readonly named: Set<Digest>; readonly doomed: readonly Doomed[] }> {
  const named = new Set(kept.live);
  const doomed: Doomed[] = [];
  for await (const { result, ...found } of inTurns(resultsIn(root), lost)) {
    if (result === undefined) {
      takeAway(found.path, (stat) => isOlder(stat, kept.olderThan));
      continue;
    }
    for (const digest of namedBy(result)) named.add(digest);
    if (!stays(result, kept)) doomed.push({ ...found, result });
  }
  return { named, doomed };
}

/** Those that may go; what is young is added to what is named, and so is what directories that stay list. */
async function oldOnes(root: string, named: Set<Digest>, olderThan: number): Promise<readonly FoundObject[]> {
  const old: FoundObject[] = [];
  const listings = new Set<Digest>();
  for await (const one of inTurns(objectsIn(root))) {
    if (isOlder(one.stat, olderThan)) old.push(one);
    else if (one.digest !== undefined) named.add(one.digest);
    if (one.isListing && one.digest !== undefined) listings.add(one.digest);
  }
  await addFiles(root, named, listings);
  return old;
}

/** The index of results would still know of them, and so would every process. */
function tell(root: string, collected: Collected): void {
  removeIndexes(join(root, "index"));
  replace(join(root, COLLECTED), collected);
}

function replace(path: string, value: object): void {
  const temporary = temporaryBeside(path);
  writeFileSync(temporary, `${JSON.stringify(value)}\n`);
  renameSync(temporary, path);
}
