import { digestFromHex, type Digest } from "../identity/identity.ts";
import type { ListingEntry, StepResult } from "../key/key-document.ts";
import { atOnce } from "./at-once.ts";
import type { Bucket, Listed } from "./bucket.ts";
import {
  BYTES_STAY_MS,
  bytesOfMark,
  COLLECTED,
  evictedMark,
  namedBy,
  stays,
  USERS,
  type Collected,
  type Collector,
  type KeptForAll,
  type Users,
} from "./collector.ts";
import { listingName } from "./s3-bytes.ts";
import { evictedName } from "./s3-results.ts";

const SIDE_BY_SIDE = 32;

/** Housekeeping of a bucket. */
export function s3Collector(bucket: Bucket, forget: () => void): Collector {
  return {
    async last() {
      const times = [await bucket.head(COLLECTED), await bucket.head(USERS)].flatMap((head) => head?.modified ?? []);
      return times.length === 0 ? undefined : Math.max(...times);
    },
    users: async () => (await read(bucket, USERS)) as Users | undefined,
    keepUsers: (users) => bucket.put(USERS, new TextEncoder().encode(`${JSON.stringify(users)}\n`)),
    async collect(kept, lost) {
      const collected = await collect(bucket, kept, lost);
      forget();
      // Whoever collects next tells of what went.
      if (lost?.aborted === true) return collected;
      await bucket.put(COLLECTED, new TextEncoder().encode(`${JSON.stringify(collected)}\n`));
      return collected;
    },
  };
}

interface FoundResult {
  readonly name: string;
  /** What took its place: when it was written (ms since 1970), undefined where nothing did. */
  readonly revocation: { readonly name: string; readonly modified: number | undefined };
  readonly result: StepResult;
}

/**
 * Results go first, and what they name a day later: whoever read a result just before goes on with its bytes. What is
 * used anew is made young by its writer, so each object is looked at once more before it goes.
 */
async function collect(bucket: Bucket, needed: KeptForAll, lost: AbortSignal | undefined): Promise<Collected> {
  const { live, olderThan } = needed;
  const results = await resultsOf(bucket);
  const doomed = results.filter(({ result }) => !stays(result, needed));
  const named = new Set(live);
  for (const { result } of results) for (const digest of namedBy(result)) named.add(digest);
  for (const digest of await evictedSince(bucket, Date.now() - BYTES_STAY_MS)) named.add(digest);
  const { objects, young } = await oldOnes(bucket, olderThan);
  const kept = await withFiles(bucket, new Set([...named, ...young]));
  let [count, bytes, evicted] = [0, 0, 0];
  await atOnce(doomed, SIDE_BY_SIDE, async (one) => {
    if (lost?.aborted === true) return;
    if (await evict(bucket, one)) evicted++;
  });
  const gone = objects.filter(({ digest }) => digest === undefined || !kept.has(digest));
  await atOnce(gone, SIDE_BY_SIDE, async ({ key, size }) => {
    if (lost?.aborted === true) return;
    const now = await bucket.head(key);
    if (now === undefined || now.modified >= olderThan) return;
    await bucket.remove([key]);
    count++;
    bytes += size;
  });
  if (lost?.aborted !== true) {
    await removeOldMarks(bucket, olderThan);
    await bucket.abandonUploads(olderThan);
  }
  return { objects: count, bytes, results: evicted };
}

/** As of a store in a directory: whoever misses it again marks it again. */
async function removeOldMarks(bucket: Bucket, olderThan: number): Promise<void> {
  const old: string[] = [];
  for await (const { key, modified } of bucket.list("lost/")) if (modified < olderThan) old.push(key);
  if (old.length > 0) await bucket.remove(old);
}

async function resultsOf(bucket: Bucket): Promise<readonly FoundResult[]> {
  const revocations = new Set<string>();
  for await (const { key } of bucket.list("revocations/")) revocations.add(key);
  const names: string[] = [];
  for await (const { key } of bucket.list("results/")) names.push(key);
  const found: FoundResult[] = [];
  await atOnce(names, SIDE_BY_SIDE, async (name) => {
    const revoked = name.replace(/^results/, "revocations");
    // Asked as it is asked later: lists of some servers tell the time more exactly.
    const modified = revocations.has(revoked) ? (await bucket.head(revoked))?.modified : undefined;
    const revocation = { name: revoked, modified };
    const first = (await read(bucket, name)) as StepResult | undefined;
    const now =
      modified === undefined
        ? undefined
        : ((await read(bucket, revoked)) as { readonly now: StepResult } | undefined)?.now;
    const result = now ?? first;
    // What cannot be read is nobody's to remove.
    if (result?.result === 1) found.push({ name, revocation, result });
  });
  return found;
}

interface Old extends Listed {
  /** Undefined for bytes that were moved aside. */
  readonly digest: Digest | undefined;
}

async function oldOnes(
  bucket: Bucket,
  olderThan: number,
): Promise<{ readonly objects: readonly Old[]; readonly young: ReadonlySet<Digest> }> {
  const objects: Old[] = [];
  const young = new Set<Digest>();
  for (const kind of ["objects/", "listings/", "corrupt/"])
    for await (const one of bucket.list(kind)) {
      const hex = one.key
        .slice(kind.length)
        .replace("/", "")
        .replace(/\.json$/, "");
      const digest = /^[0-9a-f]{64}$/.test(hex) ? digestFromHex(hex) : undefined;
      if (one.modified < olderThan) objects.push({ ...one, digest });
      else if (digest !== undefined) young.add(digest);
    }
  return { objects, young };
}

/** Directories keep the files that they list. */
async function withFiles(bucket: Bucket, kept: Set<Digest>): Promise<ReadonlySet<Digest>> {
  const listings = new Set<string>();
  for await (const { key } of bucket.list("listings/")) listings.add(key);
  const directories = [...kept].map(listingName).filter((name) => listings.has(name));
  await atOnce(directories, SIDE_BY_SIDE, async (name) => {
    for (const entry of ((await read(bucket, name)) ?? []) as readonly ListingEntry[])
      if (!("link" in entry)) kept.add(entry.digest);
  });
  return kept;
}

/** First it is known that a result went, then it goes; false where it was revoked since. */
async function evict(bucket: Bucket, { name, revocation, result }: FoundResult): Promise<boolean> {
  await bucket.put(evictedName(result.key), new TextEncoder().encode(evictedMark(result)));
  if ((await bucket.head(revocation.name))?.modified !== revocation.modified) return false;
  // What was wrong is never read again: what took its place goes last.
  await bucket.remove([name]);
  if (revocation.modified !== undefined) await bucket.remove([revocation.name]);
  return true;
}

/** Bytes of results that were evicted since then (ms since 1970): whoever read one just before goes on with them. */
async function evictedSince(bucket: Bucket, since: number): Promise<readonly Digest[]> {
  const marks: string[] = [];
  for await (const { key, modified } of bucket.list("evicted/")) if (modified >= since) marks.push(key);
  const bytes: Digest[] = [];
  await atOnce(marks, SIDE_BY_SIDE, async (mark) => void bytes.push(...bytesOfMark(await read(bucket, mark))));
  return bytes;
}

/** Undefined for what is not there any more; what is there and says nothing is a reason to stop. */
async function read(bucket: Bucket, name: string): Promise<unknown> {
  const bytes = await bucket.get(name);
  return bytes === undefined ? undefined : JSON.parse(new TextDecoder().decode(bytes));
}
