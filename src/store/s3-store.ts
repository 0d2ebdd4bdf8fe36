import { rmSync } from "node:fs";
import { normalize } from "node:path";

import type { Digest } from "../identity/identity.ts";
import type { OutputRecord, StepResult } from "../key/key-document.ts";
import { atOnce } from "./at-once.ts";
import { NO_BARRIER } from "./barrier.ts";
import type { Bucket } from "./bucket.ts";
import { filesystemStore } from "./filesystem-store.ts";
import { isCode, materialize as fromCopies, objectPath } from "./objects.ts";
import { objectName, s3Bytes, type S3Bytes } from "./s3-bytes.ts";
import { markLostIn, s3LostBytes } from "./s3-lost-bytes.ts";
import { s3Results } from "./s3-results.ts";
import type { Ingested, Materialized, Store } from "./store.ts";
import { trimCopies } from "./trim-copies.ts";

const SIDE_BY_SIDE = 16;
/** What is brought may be trimmed again before it is read. */
const TRIES = 3;

export interface S3Store extends Store {
  /** What was collected is not answered from memory any more. */
  forget(): void;
  /** Makes room among the copies until there is enough; what is on its way to the bucket stays. */
  trim(enough?: () => boolean): number;
}

/**
 * A store in a bucket. Everything goes through a directory of copies on this machine, which can be emptied at any time;
 * whatever a result names is in the bucket before the result is.
 */
export function s3Store(bucket: Bucket, local: string): S3Store {
  const copies = filesystemStore(local, NO_BARRIER);
  const bytes = s3Bytes(bucket, local);
  const sending = new Set<ReadonlySet<string>>();
  const sent: Sent = (digests, send) => sentFrom(local, sending, { digests, send });
  const results = s3Results(bucket, {
    found: (result) => bringListings(bytes, result),
    lost: () => s3LostBytes(bucket, bytes, (digest) => copies.listingSync(digest)),
  });
  return {
    has: (digest) => bytes.stays(digest),
    present: (digest) => bytes.present(digest),
    ingest: async (path, as) => kept(bytes, copies, sent, await copies.ingest(path, as)),
    ingestCopy: async (path) => kept(bytes, copies, sent, await copies.ingestCopy(path)),
    peek: (workspace, path, most) => copies.peek(workspace, path, most),
    missing: (workspace, paths) => copies.missing(workspace, paths),
    async putBytes(given) {
      const digest = await copies.putBytes(given);
      await sent([digest], () => bytes.keep(digest));
      return digest;
    },
    async read(digest) {
      for (let tried = 0; tried < TRIES; tried++) {
        const here = await copies.read(digest);
        if (here !== undefined || (await bytes.bring(digest)) !== "ok") return here;
      }
      throw new Error(`reading ${digest}: its copy goes as often as it comes`);
    },
    tail: async (digest, most) => (await copies.tail(digest, most)) ?? bucket.tail(objectName(digest), most),
    listing: (digest) => bytes.listing(digest),
    listingSync: (digest) => copies.listingSync(digest),
    async materialize(record, target) {
      const placed = await materialize(bytes, copies, { local, record, target });
      if (placed.kind === "missing" || placed.kind === "corrupt") await markLostIn(bucket, placed.digest);
      return placed;
    },
    reader: (domain) => results.reader(domain),
    createResult: (domain, result) => results.createResult(domain, result),
    revoke: (domain, revocation) => results.revoke(domain, revocation),
    // The server has everything before anybody is told that it is there.
    barrier: () => copies.barrier(),
    forget: () => results.forget(),
    trim: (enough) => trimCopies(local, { held: (path) => [...sending].some((paths) => paths.has(path)), enough }),
    async [Symbol.asyncDispose]() {
      await copies[Symbol.asyncDispose]();
      bucket.close();
    },
  };
}

/** Keeps the copies of some objects here until they are in the bucket: they may be the only ones. */
type Sent = (digests: Iterable<Digest>, send: () => Promise<void>) => Promise<void>;

async function sentFrom(
  local: string,
  sending: Set<ReadonlySet<string>>,
  { digests, send }: { readonly digests: Iterable<Digest>; readonly send: () => Promise<void> },
): Promise<void> {
  const paths = new Set(Array.from(digests, (digest) => normalize(objectPath(local, digest))));
  sending.add(paths);
  try {
    await send();
  } finally {
    sending.delete(paths);
  }
}

async function kept(bytes: S3Bytes, copies: Store, sent: Sent, taken: Ingested): Promise<Ingested> {
  if (taken.kind !== "ok") return taken;
  const { kind, digest } = taken.record;
  if (kind !== "directory") {
    await sent([digest], () => bytes.keep(digest));
    return taken;
  }
  const files = filesOf(copies, digest);
  await sent(files, () => atOnce(files, SIDE_BY_SIDE, (file) => bytes.keep(file)));
  // Last, because whoever finds it finds all that it names.
  await bytes.keepListing(digest);
  return taken;
}

function filesOf(copies: Store, directory: Digest): ReadonlySet<Digest> {
  const entries = copies.listingSync(directory) ?? [];
  return new Set(entries.flatMap((entry) => ("link" in entry ? [] : [entry.digest])));
}

/** Plans ask for parts of directories at once. */
async function bringListings(bytes: S3Bytes, { facts }: StepResult): Promise<void> {
  for (const { kind, digest } of facts.outputs) if (kind === "directory") await bytes.listing(digest);
}

interface Order {
  /** The directory of the copies. */
  readonly local: string;
  readonly record: Pick<OutputRecord, "kind" | "digest">;
  readonly target: string;
}

async function materialize(bytes: S3Bytes, copies: Store, { local, record, target }: Order): Promise<Materialized> {
  try {
    for (let tried = 1; ; tried++) {
      const short = await bringAll(bytes, copies, record);
      if (short !== undefined) return short;
      const placed = await fromCopies(local, record, { target });
      if (placed.kind === "ok" || placed.kind === "disk-full" || tried === TRIES) return placed;
      // A copy rotted or was trimmed meanwhile: another one is brought.
      rmSync(target, { recursive: true, force: true });
    }
  } catch (error) {
    if (isCode(error, "ENOSPC") || isCode(error, "EDQUOT")) return { kind: "disk-full" };
    throw error;
  }
}

/** What stands in the way of copies of all that a record names; undefined: nothing. */
async function bringAll(bytes: S3Bytes, copies: Store, record: Order["record"]): Promise<Materialized | undefined> {
  if (record.kind === "directory" && (await bytes.listing(record.digest)) === undefined)
    return { kind: "missing", digest: record.digest };
  const needed = record.kind === "directory" ? filesOf(copies, record.digest) : new Set([record.digest]);
  let short: Materialized | undefined;
  await atOnce(needed, SIDE_BY_SIDE, async (digest) => {
    const end = await bytes.bring(digest);
    if (end !== "ok") short ??= { kind: end, digest };
  });
  return short;
}
