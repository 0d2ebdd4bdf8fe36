import { createHash, hash } from "node:crypto";
import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  readdirSync,
  readSync,
  statSync,
  type Dirent,
} from "node:fs";
import { open } from "node:fs/promises";

import { byUtf8 } from "../identity/canonical-json.ts";
import { digestFromHex, type Digest } from "../identity/identity.ts";

/** Files up to this size are read whole: one call each is fastest. */
const WHOLE = 4 << 20;
const CHUNK = 4 << 20;

/** SHA-256 of a regular file, read synchronously; with its bytes where they were read at once. */
export function hashFileSync(path: string): {
  readonly digest: Digest;
  readonly size: number;
  readonly bytes?: Uint8Array;
} {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    if (size <= WHOLE) {
      const bytes = readFileSync(file);
      return { digest: digestFromHex(hash("sha256", bytes, "hex")), size: bytes.byteLength, bytes };
    }
    const sha = createHash("sha256");
    const buffer = Buffer.allocUnsafe(CHUNK);
    let total = 0;
    for (;;) {
      const read = readSync(file, buffer, 0, CHUNK, null);
      if (read === 0) return { digest: digestFromHex(sha.digest("hex")), size: total };
      total += read;
      sha.update(read === CHUNK ? buffer : buffer.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
}

/** SHA-256 of a regular file: of a small one at once, of a large one while others have their turn. */
export async function hashAny(
  path: string,
): Promise<{ readonly digest: Digest; readonly size: number; readonly bytes?: Uint8Array }> {
  return statSync(path).size <= WHOLE ? hashFileSync(path) : hashFile(path);
}

/** SHA-256 of a large file: one buffer is filled by the thread pool while the other is hashed. */
export async function hashFile(
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly digest: Digest; readonly size: number }> {
  const file = await open(path, "r");
  try {
    const sha = createHash("sha256");
    const buffers = [Buffer.allocUnsafe(CHUNK), Buffer.allocUnsafe(CHUNK)] as const;
    let total = 0;
    let reading = file.read(buffers[0], 0, CHUNK, 0);
    for (let turn = 0; ; turn++) {
      const { bytesRead } = await reading;
      signal?.throwIfAborted();
      if (bytesRead === 0) return { digest: digestFromHex(sha.digest("hex")), size: total };
      total += bytesRead;
      reading = file.read(buffers[(turn + 1) % 2] ?? buffers[0], 0, CHUNK, total);
      const full = buffers[turn % 2] ?? buffers[0];
      sha.update(bytesRead === CHUNK ? full : full.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

/** One entry below a directory, links not followed. */
export type WalkedEntry =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | { readonly kind: "special"; readonly path: string }
  /** Its name is not UTF-8: it cannot be written down, or found again by what was read of it. */
  | { readonly kind: "misnamed"; readonly path: string };

/** Everything below a directory, sorted by path in UTF-8 bytes. */
export function walk(directory: string): readonly WalkedEntry[] {
  const entries: WalkedEntry[] = [];
  collect(directory, "", entries);
  return entries.sort((a, b) => byUtf8(a.path, b.path));
}

function collect(directory: string, prefix: string, into: WalkedEntry[]): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = `${prefix}${entry.name}`;
    if (isMisnamed(directory, entry.name)) into.push({ kind: "misnamed", path });
    else if (entry.isDirectory()) collect(`${directory}/${entry.name}`, `${path}/`, into);
    else into.push(entryOf(directory, entry, path));
  }
}

/** Bytes that are not UTF-8 are read as U+FFFD, under which nothing stands. */
function isMisnamed(directory: string, name: string): boolean {
  return name.includes("\uFFFD") && lstatSync(`${directory}/${name}`, { throwIfNoEntry: false }) === undefined;
}

function entryOf(directory: string, entry: Dirent, path: string): WalkedEntry {
  if (entry.isFile()) return { kind: "file", path };
  if (entry.isSymbolicLink()) return { kind: "link", path, target: readlinkSync(`${directory}/${entry.name}`) };
  return { kind: "special", path };
}
