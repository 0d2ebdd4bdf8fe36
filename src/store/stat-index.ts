import { randomUUID } from "node:crypto";
import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
  type BigIntStats,
} from "node:fs";
import { dirname } from "node:path";

import type { BlobId, Digest } from "../identity/identity.ts";
import type { FileDigests, HashedFile } from "./file-digests.ts";
import { hashFileSync } from "./hash.ts";

const HEADER = "sluice-stat 1";
/** A file changed this recently may change again without its stat telling: it is hashed anew next time. */
const RACY_NS = 20_000_000n;

interface Entry {
  readonly stat: string;
  readonly digest: Digest;
  readonly size: number;
  readonly executable: boolean;
}

/** The stat of a path, links not followed; times as coarse as the file system keeps them. */
export type Look = (path: string) => BigIntStats | undefined;

const lstatIfThere: Look = (path) => lstatSync(path, { bigint: true, throwIfNoEntry: false });

/**
 * Digests trusted by stat (size, mtime, ctime, inode, device, mode), as git's index does, with the same rule for racy
 * timestamps. One append-only text file, rewritten when most of it is stale; a torn tail is ignored.
 */
export function statIndex(path: string, root: string, look: Look = lstatIfThere): FileDigests {
  const entries = new Map<string, Entry>();
  const blobs = new Map<BlobId, { readonly digest: Digest; readonly size: number }>();
  let lines = load(path, { entries, blobs });
  const fresh: string[] = [];
  const prefix = `${root}/`;
  const name = (absolute: string): string => (absolute.startsWith(prefix) ? absolute.slice(prefix.length) : absolute);

  function note(absolute: string, stat: BigIntStats, digest: Digest): HashedFile {
    const found: Entry = {
      stat: stamp(stat),
      digest,
      size: Number(stat.size),
      executable: (stat.mode & 0o100n) !== 0n,
    };
    if (hasAged(stat)) {
      entries.set(name(absolute), found);
      fresh.push(
        `f\t${found.stat}\t${digest}\t${found.size}\t${found.executable ? "x" : "-"}\t${JSON.stringify(name(absolute))}\n`,
      );
    } else {
      young.add(name(absolute));
    }
    return found;
  }
  /** A file that has aged meanwhile is read once more, so that the next command need not. */
  function settle(absolute: string): void {
    const stat = look(absolute);
    if (stat?.isFile() !== true || !hasAged(stat)) return;
    note(absolute, stat, hashFileSync(absolute).digest);
  }

  /** Changed so lately that another change could have left the stat as it is: known, but not to be believed. */
  const young = new Set<string>();

  return {
    digest(absolute) {
      const stat = look(absolute);
      if (stat === undefined || !stat.isFile()) return undefined;
      const known = entries.get(name(absolute));
      if (known !== undefined && known.stat === stamp(stat)) return known;
      const { digest } = hashFileSync(absolute);
      return note(absolute, stat, digest);
    },
    remember(absolute, digest) {
      const stat = look(absolute);
      if (stat?.isFile() === true) note(absolute, stat, digest);
    },
    blob: (id) => blobs.get(id),
    rememberBlob(id, digest, size) {
      if (blobs.has(id)) return;
      blobs.set(id, { digest, size });
      fresh.push(`b\t${id}\t${digest}\t${size}\n`);
    },
    save() {
      for (const one of young) settle(one.startsWith("/") ? one : `${prefix}${one}`);
      young.clear();
      if (fresh.length === 0) return;
      mkdirSync(dirname(path), { recursive: true });
      const live = entries.size + blobs.size;
      if (lines === 0 || lines + fresh.length > 2 * live + 1_000) {
        write(path, { entries, blobs });
        lines = live;
      } else {
        appendFileSync(path, fresh.join(""));
        lines += fresh.length;
      }
      fresh.length = 0;
    },
  };
}

function hasAged(stat: BigIntStats): boolean {
  const latest = BigInt(Date.now()) * 1_000_000n - RACY_NS;
  return stat.mtimeNs < latest && stat.ctimeNs < latest;
}

function stamp(stat: BigIntStats): string {
  return `${stat.size}.${stat.mtimeNs}.${stat.ctimeNs}.${stat.ino}.${stat.dev}.${stat.mode}`;
}

interface Tables {
  readonly entries: Map<string, Entry>;
  readonly blobs: Map<BlobId, { readonly digest: Digest; readonly size: number }>;
}

function load(path: string, tables: Tables): number {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return 0;
  }
  const end = text.lastIndexOf("\n");
  const lines = text.slice(0, end).split("\n");
  if (lines[0] !== HEADER) return 0;
  for (let at = 1; at < lines.length; at++) readLine(lines[at] ?? "", tables);
  // Nothing is appended to a torn line: the file is written anew.
  return end === text.length - 1 ? lines.length : 0;
}

function readLine(line: string, { entries, blobs }: Tables): void {
  const [kind, first, digest, size, x, name] = line.split("\t");
  if (first === undefined || digest === undefined || size === undefined || !/^\d+$/.test(size)) return;
  if (kind === "b") blobs.set(first as BlobId, { digest: digest as Digest, size: Number(size) });
  else if (kind === "f" && name !== undefined) {
    const path = name.includes("\\") ? (JSON.parse(name) as string) : name.slice(1, -1);
    entries.set(path, { stat: first, digest: digest as Digest, size: Number(size), executable: x === "x" });
  }
}

function write(path: string, { entries, blobs }: Tables): void {
  const out = [HEADER];
  for (const [name, entry] of entries)
    out.push(
      `f\t${entry.stat}\t${entry.digest}\t${entry.size}\t${entry.executable ? "x" : "-"}\t${JSON.stringify(name)}`,
    );
  for (const [id, blob] of blobs) out.push(`b\t${id}\t${blob.digest}\t${blob.size}`);
  const temporary = `${path}.${randomUUID()}`;
  writeFileSync(temporary, `${out.join("\n")}\n`);
  renameSync(temporary, path);
}
