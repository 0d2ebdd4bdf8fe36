import { canonicalJson, type Json } from "../identity/canonical-json.ts";
import { hexOf, type Digest, type Domain } from "../identity/identity.ts";
import { resultDigest, type StepResult } from "../key/key-document.ts";
import { mayRead, ownResult, readable } from "../key/readable.ts";
import { atOnce } from "./at-once.ts";
import type { Bucket } from "./bucket.ts";
import { COLLECTED } from "./collector.ts";
import { createOnce, type Creating } from "./s3-create.ts";
import type { Created, ResultReader, Revocation, Store } from "./store.ts";

/** Results of a store in a bucket, under the names that they have in a directory. */
export interface S3Results extends Pick<Store, "reader" | "createResult" | "revoke"> {
  /** Results that went are not answered from memory any more. */
  forget(): void;
}

interface Place extends Creating {
  /** What lies where, once read: it changes only by being collected. */
  readonly known: Map<string, StepResult>;
  /** When the bucket was last collected, by whichever process, as far as this one has seen. */
  seen: number | undefined;
  /** Brings what is asked for at once, before a result is told. */
  readonly found: (result: StepResult) => Promise<void>;
  readonly lost: () => Promise<((result: StepResult) => boolean) | undefined>;
}

const SIDE_BY_SIDE = 32;
const MOST_KNOWN = 20_000;

export function s3Results(bucket: Bucket, bytes: Pick<Place, "found" | "lost">): S3Results {
  const place: Place = { bucket, known: new Map(), seen: undefined, ...bytes };
  return {
    reader: (domain) => reader(place, domain),
    createResult: (domain, result) => createResult(place, domain, result),
    revoke: (domain, revocation) => revoke(place, domain, revocation),
    forget: () => place.known.clear(),
  };
}

/** Results by domain and key. */
export function resultName(domain: Domain, key: Digest): string {
  return `results/${domain}/${hexOf(key)}.json`;
}

export function evictedName(key: Digest): string {
  return `evicted/${hexOf(key)}.json`;
}

/** One process collects for all of them. */
async function forgetCollected(place: Place): Promise<void> {
  const collected = (await place.bucket.head(COLLECTED))?.modified;
  if (collected !== place.seen) place.known.clear();
  place.seen = collected;
}

async function reader(place: Place, domain: Domain): Promise<ResultReader> {
  await forgetCollected(place);
  const revoked = new Set<string>();
  for (const one of readable(domain))
    for await (const { key } of place.bucket.list(`revocations/${one}/`)) revoked.add(key);
  let lost: ReturnType<Place["lost"]> | undefined;
  const answers = new Map<Digest, { readonly result: StepResult | undefined; readonly evicted: boolean }>();
  const asked = new Set<Digest>();
  const answer = (key: Digest) => {
    const given = answers.get(key);
    if (given === undefined) asked.add(key);
    return given;
  };
  return {
    result: (key) => answer(key)?.result,
    evicted: (key) => answer(key)?.evicted === true,
    async catchUp() {
      if (asked.size === 0) return false;
      const keys = [...asked];
      asked.clear();
      await atOnce(keys, SIDE_BY_SIDE, async (key) => {
        const result = await find(place, { domain, key, revoked });
        if (result !== undefined) await place.found(result);
        // Most readers look for what is not there yet, and need not know.
        const isLost = result === undefined ? undefined : await (lost ??= place.lost());
        const gone = result !== undefined && isLost?.(result) === true;
        const evicted = result === undefined && (await place.bucket.head(evictedName(key))) !== undefined;
        answers.set(key, { result: gone ? undefined : result, evicted: evicted || gone });
      });
      return true;
    },
  };
}

/** Where it lies decides, not what it says of itself; and what took its place is judged as it was made. */
async function find(
  place: Place,
  { domain, key, revoked }: { readonly domain: Domain; readonly key: Digest; readonly revoked: ReadonlySet<string> },
): Promise<StepResult | undefined> {
  for (const one of readable(domain)) {
    const first = await at(place, one, key);
    const there = revoked.has(revocationName(one, key)) && first !== undefined;
    const result = there ? ((await revisedBy(place, one, key)) ?? first) : first;
    if (result !== undefined && mayRead(domain, one, result)) return result;
  }
  return undefined;
}

async function at(place: Place, domain: Domain, key: Digest): Promise<StepResult | undefined> {
  return place.known.get(resultName(domain, key)) ?? inBucket(place, domain, key);
}

async function inBucket(place: Place, domain: Domain, key: Digest): Promise<StepResult | undefined> {
  const name = resultName(domain, key);
  const bytes = await place.bucket.get(name);
  const result = bytes === undefined ? undefined : (parse(bytes) as StepResult | undefined);
  if (result?.result !== 1 || result.key !== key) return undefined;
  if (place.known.size >= MOST_KNOWN) place.known.clear();
  place.known.set(name, result);
  return result;
}

function revocationName(domain: Domain, key: Digest): string {
  return `revocations/${domain}/${hexOf(key)}.json`;
}

async function revisedBy(place: Place, domain: Domain, key: Digest): Promise<StepResult | undefined> {
  const bytes = await place.bucket.get(revocationName(domain, key));
  return bytes === undefined ? undefined : (parse(bytes) as { readonly now: StepResult } | undefined)?.now;
}

async function createResult(place: Place, domain: Domain, result: StepResult): Promise<Created> {
  ownResult(domain, result);
  const name = resultName(domain, result.key);
  const isCreated = await createOnce(place, name, render(result));
  await removeOrphan(place.bucket, { name, revocation: revocationName(domain, result.key) });
  if (isCreated) {
    place.known.set(name, result);
    return { kind: "created" };
  }
  const first = await inBucket(place, domain, result.key);
  if (first === undefined) throw new Error(`keeping a result: ${place.bucket.name}${name} is there and is no result`);
  const the = (await revisedBy(place, domain, result.key)) ?? first;
  const digest = resultDigest(result);
  const same = resultDigest(the) === digest;
  if (!same) {
    const observation = `observations/${domain}/${hexOf(result.key)}/${hexOf(digest)}.json`;
    if ((await place.bucket.head(observation)) === undefined) await place.bucket.put(observation, render(result));
  }
  return { kind: "exists", result: the, same };
}

/** What took the place of a result that went is older than the new one, and says nothing of it. */
async function removeOrphan(
  bucket: Bucket,
  { name, revocation }: { readonly name: string; readonly revocation: string },
): Promise<void> {
  const left = await bucket.head(revocation);
  if (left === undefined) return;
  const created = await bucket.head(name);
  if (created !== undefined && left.modified < created.modified) await bucket.remove([revocation]);
}

async function revoke(place: Place, domain: Domain, { old, now, why }: Revocation): Promise<void> {
  ownResult(domain, now);
  const { bucket } = place;
  const name = revocationName(domain, now.key);
  // Who revoked before, and why, is kept.
  const earlier = await bucket.head(name);
  const aside = `${name.slice(0, -".json".length)}.${earlier?.modified ?? 0}.${hexOf(resultDigest(old)).slice(0, 8)}.json`;
  if (earlier !== undefined) await bucket.copy(name, aside);
  await bucket.put(name, render({ who: why.who, reason: why.reason, old: resultDigest(old), now }));
  // Whoever collects looks here before the first one goes: where it went all the same, this one stands there.
  const first = resultName(domain, now.key);
  if ((await bucket.head(first)) === undefined) await createOnce(place, first, render(now));
}

function render(value: object): Uint8Array {
  return new TextEncoder().encode(`${canonicalJson(value as Json)}\n`);
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
