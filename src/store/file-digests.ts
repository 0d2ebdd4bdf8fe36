import type { BlobId, Digest } from "../identity/identity.ts";

export interface HashedFile {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly executable: boolean;
}

/** Digests of files on disk, each hashed once and then trusted by its stat until that changes. */
export interface FileDigests {
  /** Digest of the regular file at an absolute path; undefined when there is none. */
  digest(path: string): HashedFile | undefined;
  /** Says that the file now at `path` has this digest, so that it is not read again. */
  remember(path: string, digest: Digest): void;
  /** Permanent table of git blob → content digest. */
  blob(id: BlobId): { readonly digest: Digest; readonly size: number } | undefined;
  rememberBlob(id: BlobId, digest: Digest, size: number): void;
  /** Writes what was learnt to disk. */
  save(): void;
}
