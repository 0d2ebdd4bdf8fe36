import {
  chmodSync,
  constants,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  type Stats,
} from "node:fs";
import { copyFile } from "node:fs/promises";
import { dirname } from "node:path";

import { digestOf, hexOf, type Digest } from "../identity/identity.ts";
import type { ListingEntry, OutputRecord } from "../key/key-document.ts";
import { breather } from "./breather.ts";
import { hashAny } from "./hash.ts";
import type { RecentBytes } from "./recent-bytes.ts";
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

/** Entries of a stored directory; undefined when they are not there. */
export function listing(root: string, digest: Digest): readonly ListingEntry[] | undefined {
  const path = listingPath(root, digest);
  const seen = seenAt(path);
  try {
    return JSON.parse(readFileSync(path, "utf8")) as readonly ListingEntry[];
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    if (error instanceof SyntaxError) {
      setAside(root, digest, { path, seen });
      return undefined;
    }
    throw new Error(`reading listing ${digest}`, { cause: error });
  }
}

interface Placing {
  readonly target: string;
  readonly recent?: RecentBytes;
}

/** Writes a stored file or directory at a path where nothing stands. */
export async function materialize(
  root: string,
  record: Pick<OutputRecord, "kind" | "digest">,
  { target, recent }: Placing,
): Promise<Materialized> {
  try {
    if (record.kind !== "directory") return await placeFile(root, record, { target, recent });
    const entries = listing(root, record.digest);
    if (entries === undefined) return { kind: "missing", digest: record.digest };
    mkdirSync(target, { recursive: true });
    const breathe = breather();
    for (const entry of entries) {
      await breathe();
      const at = `${target}/${entry.path}`;
      if ("link" in entry) {
        mkdirSync(dirname(at), { recursive: true });
        symlinkSync(entry.link, at);
        continue;
      }
      const file = { kind: entry.x ? "executable" : "file", digest: entry.digest } as const;
      const placed = await placeFile(root, file, { target: at, recent });
      if (placed.kind !== "ok") return placed;
    }
    return { kind: "ok" };
  } catch (error) {
    if (isCode(error, "ENOSPC") || isCode(error, "EDQUOT")) {
      // Half of it would pass for something that a person wrote.
      rmSync(target, { recursive: true, force: true });
      return { kind: "disk-full" };
    }
    throw new Error(`writing ${target} from the store`, { cause: error });
  }
}

/** Up to this many bytes a file is read and written faster than it is cloned, read and given its mode. */
const SMALL = 65_536;

/** Copies (or clones) and checks what arrived: a copy of corrupt bytes is never handed on. */
async function placeFile(
  root: string,
  record: Pick<OutputRecord, "kind" | "digest">,
  { target, recent }: { readonly target: string; readonly recent: RecentBytes | undefined },
): Promise<Materialized> {
  const mode = record.kind === "executable" ? 0o755 : 0o644;
  const known = recent?.get(record.digest);
  if (known !== undefined) return writeNew(target, known, mode);
  const source = objectPath(root, record.digest);
  const seen = seenAt(source);
  if (seen === undefined) return { kind: "missing", digest: record.digest };
  if (seen.size <= SMALL) {
    const bytes = readFileSync(source);
    if (digestOf(bytes) !== record.digest) return rotten(root, record.digest, seen);
    return writeNew(target, bytes, mode);
  }
  mkdirSync(dirname(target), { recursive: true });
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  } catch (error) {
    if (isCode(error, "ENOENT")) return { kind: "missing", digest: record.digest };
    throw error;
  }
  const { digest } = await hashAny(target);
  if (digest !== record.digest) {
    rmSync(target);
    return rotten(root, record.digest, seen);
  }
  chmodSync(target, mode);
  return { kind: "ok" };
}

/** Most parents stand already. */
function writeNew(target: string, bytes: Uint8Array, mode: number): Materialized {
  try {
    writeFileSync(target, bytes, { flag: "wx", mode });
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, bytes, { flag: "wx", mode });
  }
  return { kind: "ok" };
}

/** What stood at a path when it was read. */
export function seenAt(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

/** Bytes that are not what their name says make room, so that computing them again brings the right ones. */
export function rotten(
  root: string,
  digest: Digest,
  seen: Stats | undefined,
): Extract<Materialized, { kind: "corrupt" }> {
  setAside(root, digest, { path: objectPath(root, digest), seen });
  return { kind: "corrupt", digest };
}

/** Others may have found the same and put the right bytes there since: only what was seen goes. */
function setAside(
  root: string,
  digest: Digest,
  { path, seen }: { readonly path: string; readonly seen: Stats | undefined },
): void {
  const now = seenAt(path);
  if (seen === undefined || now?.ino !== seen.ino || now.mtimeMs !== seen.mtimeMs) return;
  const aside = `${root}/corrupt/${hexOf(digest)}`;
  try {
    mkdirSync(dirname(aside), { recursive: true });
    renameSync(path, aside);
  } catch {
    // In a store that only can be read, whoever asks next finds it wrong too.
  }
}
