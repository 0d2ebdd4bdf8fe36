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

/**
 * Digests trusted by stat (size, mtime, ctime, inode, device, mode), as git's index does, with the same rule for racy
 * timestamps. One append-only text file, rewritten when most of it is stale; a torn tail is ignored.
 */
export function statIndex(path: string, root: string): FileDigests {
  const entries = new Map<string, Entry>();
  const blobs = new Map<BlobId, { readonly digest: Digest; readonly size: number }>();
  let lines = load(path, { entries, blobs });
  const fresh: string[] = [];
  const name = (absolute: string): string =>
    absolute.startsWith(`${root}/`) ? absolute.slice(root.length + 1) : absolute;

  function note(absolute: string, stat: BigIntStats, digest: Digest): HashedFile {
    const found: Entry = {
      stat: stamp(stat),
      digest,
      size: Number(stat.size),
      executable: (stat.mode & 0o100n) !== 0n,
    };
    const now = BigInt(Date.now()) * 1_000_000n;
    if (stat.mtimeNs < now - RACY_NS && stat.ctimeNs < now - RACY_NS) {
      entries.set(name(absolute), found);
      fresh.push(
        `f\t${found.stat}\t${digest}\t${found.size}\t${found.executable ? "x" : "-"}\t${JSON.stringify(name(absolute))}\n`,
      );
    } else {
      // Right now it is known, but only this process may believe it, and only by the very same stat.
      recent.set(name(absolute), found);
    }
    return found;
  }
  const recent = new Map<string, Entry>();

  return {
    digest(absolute) {
      const stat = lstatSync(absolute, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined || !stat.isFile()) return undefined;
      const known = entries.get(name(absolute));
      if (known !== undefined && known.stat === stamp(stat)) return known;
      const { digest } = hashFileSync(absolute);
      return note(absolute, stat, digest);
    },
    remember(absolute, digest) {
      const stat = lstatSync(absolute, { bigint: true, throwIfNoEntry: false });
      if (stat?.isFile() === true) note(absolute, stat, digest);
    },
    blob: (id) => blobs.get(id),
    rememberBlob(id, digest, size) {
      if (blobs.has(id)) return;
      blobs.set(id, { digest, size });
      fresh.push(`b\t${id}\t${digest}\t${size}\n`);
    },
    save() {
      settle(root, { recent, note });
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

/** Entries that were too young when hashed are kept if they have aged by now and still have the same stat. */
function settle(
  root: string,
  {
    recent,
    note,
  }: {
    readonly recent: Map<string, Entry>;
    readonly note: (absolute: string, stat: BigIntStats, digest: Digest) => HashedFile;
  },
): void {
  const young = [...recent];
  recent.clear();
  for (const [name, entry] of young) {
    const absolute = name.startsWith("/") ? name : `${root}/${name}`;
    const stat = lstatSync(absolute, { bigint: true, throwIfNoEntry: false });
    if (stat?.isFile() === true && stamp(stat) === entry.stat) note(absolute, stat, entry.digest);
  }
  recent.clear();
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
  return lines.length;
}

function readLine(line: string, { entries, blobs }: Tables): void {
  const [kind, first, digest, size, x, name] = line.split("\t");
  if (first === undefined || digest === undefined || size === undefined) return;
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
  writeFileSync(`${path}.${process.pid}`, `${out.join("\n")}\n`);
  renameSync(`${path}.${process.pid}`, path);
}
