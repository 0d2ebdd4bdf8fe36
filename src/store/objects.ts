import {
  chmodSync,
  constants,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

import { digestOf, hexOf, type Digest } from "../identity/identity.ts";
import type { ListingEntry, OutputRecord } from "../key/key-document.ts";
import { hashFileSync } from "./hash.ts";
import type { Materialized } from "./store.ts";

export function objectPath(root: string, digest: Digest): string {
  const hex = hexOf(digest);
  return `${root}/objects/${hex.slice(0, 2)}/${hex.slice(2)}`;
}

export function listingPath(root: string, digest: Digest): string {
  const hex = hexOf(digest);
  return `${root}/listings/${hex.slice(0, 2)}/${hex.slice(2)}.json`;
}

/** True for an error of the system with this code. */
export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Entries of a stored directory; undefined when it is not there. */
export function listing(root: string, digest: Digest): readonly ListingEntry[] | undefined {
  try {
    return JSON.parse(readFileSync(listingPath(root, digest), "utf8")) as readonly ListingEntry[];
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw new Error(`reading listing ${digest}`, { cause: error });
  }
}

/** Writes a stored file or directory at a path where nothing stands. */
export function materialize(root: string, record: Pick<OutputRecord, "kind" | "digest">, target: string): Materialized {
  try {
    mkdirSync(dirname(target), { recursive: true });
    if (record.kind !== "directory") return placeFile(root, record, target);
    const entries = listing(root, record.digest);
    if (entries === undefined) return { kind: "missing", digest: record.digest };
    mkdirSync(target, { recursive: true });
    for (const entry of entries) {
      const at = `${target}/${entry.path}`;
      mkdirSync(dirname(at), { recursive: true });
      if ("link" in entry) {
        symlinkSync(entry.link, at);
        continue;
      }
      const placed = placeFile(root, { kind: entry.x ? "executable" : "file", digest: entry.digest }, at);
      if (placed.kind !== "ok") return placed;
    }
    return { kind: "ok" };
  } catch (error) {
    if (isCode(error, "ENOSPC") || isCode(error, "EDQUOT")) return { kind: "disk-full" };
    throw new Error(`writing ${target} from the store`, { cause: error });
  }
}

/** Up to this many bytes a file is read and written faster than it is cloned, read and given its mode. */
const SMALL = 65_536;

/** Copies (or clones) and checks what arrived: a copy of corrupt bytes is never handed on. */
function placeFile(root: string, record: Pick<OutputRecord, "kind" | "digest">, target: string): Materialized {
  const source = objectPath(root, record.digest);
  const mode = record.kind === "executable" ? 0o755 : 0o644;
  const size = statSync(source, { throwIfNoEntry: false })?.size;
  if (size === undefined) return { kind: "missing", digest: record.digest };
  if (size <= SMALL) {
    const bytes = readFileSync(source);
    if (digestOf(bytes) !== record.digest) return { kind: "corrupt", digest: record.digest };
    writeFileSync(target, bytes, { flag: "wx", mode });
    return { kind: "ok" };
  }
  try {
    copyFileSync(source, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  } catch (error) {
    if (isCode(error, "ENOENT")) return { kind: "missing", digest: record.digest };
    throw error;
  }
  if (hashFileSync(target).digest !== record.digest) {
    rmSync(target);
    return { kind: "corrupt", digest: record.digest };
  }
  chmodSync(target, mode);
  return { kind: "ok" };
}
