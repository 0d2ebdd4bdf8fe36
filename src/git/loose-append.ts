import { existsSync, linkSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { parseCommitSha, type CommitSha } from "../identity/identity.ts";
import type { Appended, LedgerCommit } from "./git.ts";
import { ledgerCommit } from "./ledger-commit.ts";
import { entriesOf, treeOfCommit, type TreeItem } from "./tree-objects.ts";
import { looseWriter, readLoose, type LooseWriter, type ObjectType } from "./loose-objects.ts";
import type { ObjectReader } from "./read-objects.ts";
import { readRef } from "./refs.ts";

/** Files of an append up to which git, too, would leave its objects loose (each brings up to three). */
const FEW = 30;
/** Bytes that are compressed here rather than by a process of their own. */
const LIGHT = 8 << 20;

export interface AppendOrder {
  readonly ref: string;
  readonly expected: CommitSha | null;
  readonly commits: readonly LedgerCommit[];
}

interface Appending {
  readonly objects: string;
  readonly reader: ObjectReader;
  readonly writer: LooseWriter;
}

/** True where starting `git fast-import` would take longer than writing the few objects here. */
export function isSmall(directory: string, { commits }: AppendOrder): boolean {
  const files = commits.flatMap((commit) => [...commit.files]);
  const bytes = files.reduce((sum, [, { byteLength }]) => sum + byteLength, 0);
  const plain = files.length <= FEW && bytes <= LIGHT && files.every(([path]) => isPlain(path));
  return plain && !existsSync(join(directory, "reftable"));
}

/** Names that git refuses in a tree are git's to refuse. */
function isPlain(path: string): boolean {
  return path.split("/").every((part) => part !== "" && part !== "." && part !== ".." && !/^\.?git/i.test(part));
}

/** Appends commits by writing their objects itself; the ref moves under git's own lock, by compare-and-swap. */
export async function looseAppend(directory: string, reader: ObjectReader, order: AppendOrder): Promise<Appended> {
  const objects = join(directory, "objects");
  const appending: Appending = { objects, reader, writer: looseWriter(objects) };
  let head = order.expected;
  let tree = head === null ? undefined : treeOfCommit(await read(appending, head, "commit"));
  const written: CommitSha[] = [];
  for (const commit of order.commits) {
    tree = await writeTree(appending, nodeOf(commit.files), tree);
    const { name, email, message } = ledgerCommit(commit);
    const who = `${name} <${email}> ${commit.time} +0000`;
    const parent = head === null ? "" : `parent ${head}\n`;
    const text = `tree ${tree}\n${parent}author ${who}\ncommitter ${who}\n\n${message}`;
    head = parseCommitSha(appending.writer.put("commit", Buffer.from(text, "utf8"))) ?? null;
    if (head !== null) written.push(head);
  }
  if (head === null) throw new Error(`appending to ${order.ref}: nothing to append`);
  await appending.writer.flush();
  return moveRef(directory, order, head)
    ? { kind: "appended", head, commits: written }
    : { kind: "overtaken", head: readRef(directory, order.ref) ?? null };
}

async function read({ objects, reader, writer }: Appending, id: string, type: ObjectType): Promise<Uint8Array> {
  let bytes = writer.get(id, type) ?? readLoose(objects, id, type);
  if (bytes === undefined) await reader.read([id], (_, found) => (bytes = found && new Uint8Array(found)), type);
  if (bytes === undefined) throw new Error(`reading ${type} ${id} in ${objects}: it is not there`);
  return bytes;
}

interface Node {
  readonly children: Map<string, Node>;
  bytes: Uint8Array | undefined;
}

/** Names are kept as one character a byte, the order that git sorts in. */
function nodeOf(files: ReadonlyMap<string, Uint8Array>): Node {
  const root: Node = { children: new Map(), bytes: undefined };
  for (const [path, bytes] of files) {
    let at = root;
    for (const part of Buffer.from(path, "utf8").toString("latin1").split("/")) {
      const next: Node = at.children.get(part) ?? { children: new Map(), bytes: undefined };
      at.children.set(part, next);
      at = next;
    }
    at.bytes = bytes;
  }
  return root;
}

async function writeTree(appending: Appending, node: Node, before: string | undefined): Promise<string> {
  const entries = before === undefined ? new Map<string, TreeItem>() : entriesOf(await read(appending, before, "tree"));
  for (const [name, child] of node.children) {
    if (child.bytes !== undefined) entries.set(name, { mode: "100644", id: appending.writer.put("blob", child.bytes) });
    else {
      const there = entries.get(name);
      const id = await writeTree(appending, child, there?.mode === "40000" ? there.id : undefined);
      entries.set(name, { mode: "40000", id });
    }
  }
  return appending.writer.put("tree", bytesOf(entries));
}

/** Git sorts a directory as if its name ended in a slash. */
function bytesOf(entries: ReadonlyMap<string, TreeItem>): Buffer {
  const sorted = [...entries]
    .map(([name, entry]) => ({ name, ...entry, place: entry.mode === "40000" ? `${name}/` : name }))
    .sort((a, b) => (a.place < b.place ? -1 : 1));
  return Buffer.concat(
    sorted.flatMap(({ name, mode, id }) => [Buffer.from(`${mode} ${name}\0`, "latin1"), Buffer.from(id, "hex")]),
  );
}

/** A lock as old as this was left by a process that died: whoever lives holds it for less than a millisecond. */
const LEFT_MS = 1_000;

/** Under the lock file that every git program respects; false where the ref is locked or holds something else by now. */
function moveRef(directory: string, { ref, expected }: AppendOrder, head: CommitSha): boolean {
  const path = join(directory, ref);
  const lock = `${path}.lock`;
  mkdirSync(dirname(path), { recursive: true });
  // Written and flushed beforehand, so that a kill hardly ever meets the lock itself.
  const ready = `${lock}.${process.pid}`;
  writeFileSync(ready, `${head}\n`, { flush: true });
  try {
    if (!locked(ready, lock)) return false;
    if ((readRef(directory, ref) ?? null) !== expected) {
      rmSync(lock);
      return false;
    }
    renameSync(lock, path);
    return true;
  } finally {
    rmSync(ready, { force: true });
  }
}

/** Takes the lock; one that was left behind is waited out and removed, which costs its next taker a second at most. */
function locked(ready: string, lock: string): boolean {
  const end = Date.now() + 2 * LEFT_MS;
  for (;;) {
    try {
      linkSync(ready, lock);
      return true;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const held = statSync(lock, { throwIfNoEntry: false });
    if (held !== undefined && Date.now() - held.mtimeMs > LEFT_MS) rmSync(lock, { force: true });
    else if (Date.now() > end) return false;
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
}
