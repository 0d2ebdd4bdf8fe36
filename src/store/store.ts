import type { Digest, Domain } from "../identity/identity.ts";
import type { ListingEntry, OutputRecord, StepResult } from "../key/key-document.ts";

/** Synchronous view of the results that one domain may read; refreshed by the store as results are created. */
export interface ResultReader {
  result(key: Digest): StepResult | undefined;
  /** True when the store once had a result of this key and collected its bytes. */
  evicted(key: Digest): boolean;
  /** Looks for what was asked and could not be answered at once; true when there was any of it: ask again. */
  catchUp(): Promise<boolean>;
}

/** An answer that rests on results, once nothing that it asks for is still to be looked up. */
export async function settled<T>(reader: Pick<ResultReader, "catchUp">, answer: () => T): Promise<T> {
  for (;;) {
    const given = answer();
    if (!(await reader.catchUp())) return given;
  }
}

export type Created =
  | { readonly kind: "created" }
  /** Somebody was first: theirs is *the* result; `same` tells whether the facts are equal. */
  | { readonly kind: "exists"; readonly result: StepResult; readonly same: boolean };

/** Bytes by digest, and results created once (SEMANTICS §4, §13). */
export interface Store extends AsyncDisposable {
  /** True when these bytes are there, and stay for whatever is begun with them now. */
  has(digest: Digest): Promise<boolean>;
  /** True when these bytes are there, even if they may be collected while something begins with them. */
  present(digest: Digest): Promise<boolean>;
  /** Takes a file or directory at `path` into the store by rename where it can; symlinks that leave the directory are refused. */
  ingest(path: string, as: string): Promise<Ingested>;
  /** Takes a copy of a file and leaves the file where it is. */
  ingestCopy(path: string): Promise<Ingested>;
  /** Bytes of a file of a workspace, before it is taken, unless there are more than `most`; what only a link leads to is absent. */
  peek(workspace: string, path: string, most: number): Promise<Peeked>;
  /** Those of a workspace's paths at which nothing stands. */
  missing(workspace: string, paths: readonly string[]): Promise<readonly string[]>;
  putBytes(bytes: Uint8Array): Promise<Digest>;
  /** Bytes of an object, verified against its digest; undefined when it is not there. */
  read(digest: Digest): Promise<Uint8Array | undefined>;
  /** The last bytes of an object, of which no more is read: for people to see, not verified. */
  tail(digest: Digest, bytes: number): Promise<Uint8Array | undefined>;
  /** Entries of a stored directory, sorted by path in UTF-8 bytes. */
  listing(digest: Digest): Promise<readonly ListingEntry[] | undefined>;
  /** The same at once, for plans: of directories that were asked for before, or that a reader's results name. */
  listingSync(digest: Digest): readonly ListingEntry[] | undefined;
  /** Writes a stored file or directory at `target` (reflink, else copy); `target` must not exist, parents are made. Verified where its stat is not trusted. */
  materialize(record: Pick<OutputRecord, "kind" | "digest">, target: string): Promise<Materialized>;
  reader(domain: Domain): Promise<ResultReader>;
  createResult(domain: Domain, result: StepResult): Promise<Created>;
  /** A forced step's different bytes become *the* result; create-only, with who and why. */
  revoke(domain: Domain, revocation: Revocation): Promise<void>;
  /** Everything created before is on the disk when this ends (one fsync barrier). */
  barrier(): Promise<void>;
}

/** One result that takes the place of another one of its key. */
export interface Revocation {
  readonly old: StepResult;
  readonly now: StepResult;
  readonly why: { readonly who: string; readonly reason: string };
}

export type Peeked =
  | { readonly kind: "ok"; readonly bytes: Uint8Array }
  | { readonly kind: "absent" }
  | { readonly kind: "too-large"; readonly size: number };

export type Ingested =
  | { readonly kind: "ok"; readonly record: OutputRecord }
  | { readonly kind: "absent" }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "disk-full" };

export type Materialized =
  | { readonly kind: "ok" }
  | { readonly kind: "missing"; readonly digest: Digest }
  | { readonly kind: "corrupt"; readonly digest: Digest }
  | { readonly kind: "disk-full" };
