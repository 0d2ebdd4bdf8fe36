import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import { hexOf, type Digest } from "../identity/identity.ts";
import { directoryDigest, type ListingEntry } from "../key/key-document.ts";
import type { Bucket } from "./bucket.ts";
import { hashFile } from "./hash.ts";
import { listing, listingPath, objectPath } from "./objects.ts";

/** Bytes by digest between a bucket and a directory that holds copies of some of it. */
export interface S3Bytes {
  /** Puts an object of the directory into the bucket, unless it is there and young enough to stay. */
  keep(digest: Digest): Promise<void>;
  keepListing(digest: Digest): Promise<void>;
  /** True when an object or listing is in the bucket and young enough to stay. */
  stays(digest: Digest): Promise<boolean>;
  /** True when an object or listing is in the bucket, however old. */
  present(digest: Digest): Promise<boolean>;
  /** Brings an object to the directory, verified. */
  bring(digest: Digest): Promise<"ok" | "missing" | "corrupt">;
  /** Entries of a directory, brought where they are not here. */
  listing(digest: Digest): Promise<readonly ListingEntry[] | undefined>;
}

const DAY = 86_400_000;
/** What is older may be collected while it is used (after seven days): it is made young again first. */
const YOUNG_MS = 5 * DAY;
/** So long nobody is asked again. */
const TRUSTED_MS = 10 * 60_000;
const MOST_TRUSTED = 100_000;
/** Small files are put without asking whether they are there: it takes as long. */
const SMALL = 65_536;

export function objectName(digest: Digest): string {
  const hex = hexOf(digest);
  return `objects/${hex.slice(0, 2)}/${hex.slice(2)}`;
}

export function listingName(digest: Digest): string {
  const hex = hexOf(digest);
  return `listings/${hex.slice(0, 2)}/${hex.slice(2)}.json`;
}

export function s3Bytes(bucket: Bucket, local: string): S3Bytes {
  const trusted = new Map<string, number>();
  const coming = new Map<Digest, Promise<"ok" | "missing" | "corrupt">>();
  const trust = (name: string): void => {
    if (trusted.size >= MOST_TRUSTED) trusted.clear();
    trusted.set(name, Date.now() + TRUSTED_MS);
  };
  const isTrusted = (name: string): boolean => (trusted.get(name) ?? 0) > Date.now();

  async function isYoung(name: string): Promise<boolean> {
    if (isTrusted(name)) return true;
    const there = await bucket.head(name);
    if (there === undefined || Date.now() - there.modified > YOUNG_MS) return false;
    trust(name);
    return true;
  }

  async function keep(name: string, path: string): Promise<void> {
    if (isTrusted(name)) return;
    const { size } = statSync(path);
    if (size <= SMALL) await bucket.put(name, readFileSync(path));
    else if (!(await isYoung(name))) await bucket.upload(name, path);
    trust(name);
  }

  async function bring(digest: Digest): Promise<"ok" | "missing" | "corrupt"> {
    const name = objectName(digest);
    const target = objectPath(local, digest);
    if (existsSync(target)) return "ok";
    const temporary = `${target}.tmp-${randomUUID()}`;
    mkdirSync(dirname(target), { recursive: true });
    try {
      const end = await taken(name, async () => {
        rmSync(temporary, { force: true });
        if (!(await bucket.download(name, temporary))) {
          trusted.delete(name);
          return "missing";
        }
        return (await hashFile(temporary)).digest === digest ? "ok" : "corrupt";
      });
      if (end !== "ok") return end;
      chmodSync(temporary, 0o444);
      renameSync(temporary, target);
      return "ok";
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  /** What is wrong is taken twice, because others mend what they find: only what is wrong and stays so is moved aside. */
  async function taken<T>(name: string, take: () => Promise<T | "corrupt">): Promise<T | "corrupt"> {
    const first = await take();
    if (first !== "corrupt") return first;
    const before = await bucket.head(name);
    const again = await take();
    if (again !== "corrupt") return again;
    const after = await bucket.head(name);
    if (after !== undefined && after.modified === before?.modified && after.size === before.size) await moveAside(name);
    return again;
  }

  /** Makes room for the right bytes, and keeps the wrong ones for whoever wants to know. */
  async function moveAside(name: string): Promise<void> {
    trusted.delete(name);
    await bucket.copy(name, `corrupt/${name}`);
    await bucket.remove([name]);
  }

  return {
    keep: (digest) => keep(objectName(digest), objectPath(local, digest)),
    keepListing: (digest) => keep(listingName(digest), listingPath(local, digest)),
    stays: async (digest) => (await isYoung(objectName(digest))) || isYoung(listingName(digest)),
    present: async (digest) =>
      (await bucket.head(objectName(digest))) !== undefined || (await bucket.head(listingName(digest))) !== undefined,
    bring(digest) {
      const under = coming.get(digest);
      if (under !== undefined) return under;
      const brought = bring(digest).finally(() => coming.delete(digest));
      coming.set(digest, brought);
      return brought;
    },
    async listing(digest) {
      const here = listing(local, digest);
      if (here !== undefined) return here;
      const there = await taken(listingName(digest), async () => {
        const bytes = await bucket.get(listingName(digest));
        const entries = bytes && entriesOf(bytes, digest);
        return bytes && (entries === undefined ? "corrupt" : { bytes, entries });
      });
      if (there === undefined || there === "corrupt") return undefined;
      const { bytes, entries } = there;
      const target = listingPath(local, digest);
      mkdirSync(dirname(target), { recursive: true });
      const temporary = `${target}.tmp-${randomUUID()}`;
      writeFileSync(temporary, bytes, { mode: 0o444 });
      renameSync(temporary, target);
      return entries;
    },
  };
}

/** Undefined when they are not those of the digest. */
function entriesOf(bytes: Uint8Array, digest: Digest): readonly ListingEntry[] | undefined {
  try {
    const entries = JSON.parse(new TextDecoder().decode(bytes)) as readonly ListingEntry[];
    return directoryDigest(entries) === digest ? entries : undefined;
  } catch {
    return undefined;
  }
}
