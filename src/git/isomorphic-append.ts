import * as fs from "node:fs";
import { join } from "node:path";

import git from "isomorphic-git";

import { parseCommitSha, type CommitSha } from "../identity/identity.ts";
import type { Git, LedgerCommit } from "./git.ts";
import { ledgerCommit } from "./ledger-commit.ts";

/** What every call of isomorphic-git is told; without one cache each would read packs anew. */
export interface Base {
  readonly fs: typeof fs;
  readonly dir: string;
  readonly gitdir: string;
  readonly cache: object;
}

/** Writes commits as loose objects and moves the ref from `expected` to the last of them. */
export async function append(
  base: Base,
  order: { readonly ref: string; readonly expected: CommitSha | null; readonly commits: readonly LedgerCommit[] },
): ReturnType<Git["append"]> {
  const current = async (): Promise<CommitSha | null> => {
    try {
      return parseCommitSha(await git.resolveRef({ ...base, ref: order.ref })) ?? null;
    } catch {
      return null;
    }
  };
  if ((await current()) !== order.expected) return { kind: "overtaken", head: await current() };
  let head = order.expected;
  const written: CommitSha[] = [];
  for (const commit of order.commits) {
    const before = head === null ? undefined : (await git.readCommit({ ...base, oid: head })).commit.tree;
    const tree = await writeTree(base, nodeOf(commit.files), before);
    const { name, email, message } = ledgerCommit(commit);
    const who = { name, email, timestamp: commit.time, timezoneOffset: 0 };
    const oid = await git.writeCommit({
      ...base,
      commit: { message, tree, parent: head === null ? [] : [head], author: who, committer: who },
    });
    head = parseCommitSha(oid) ?? null;
    if (head !== null) written.push(head);
  }
  if (head === null) throw new Error(`appending to ${order.ref}: nothing to append`);
  return (await moveRef(base, order, head))
    ? { kind: "appended", head, commits: written }
    : { kind: "overtaken", head: await current() };
}

/** Compare-and-swap under git's own lock file, which other git programs respect. */
async function moveRef(
  base: Base,
  order: { readonly ref: string; readonly expected: CommitSha | null },
  head: CommitSha,
): Promise<boolean> {
  const path = join(base.gitdir, order.ref);
  fs.mkdirSync(join(path, ".."), { recursive: true });
  try {
    fs.writeFileSync(`${path}.lock`, `${head}\n`, { flag: "wx" });
  } catch {
    return false;
  }
  let now: string | null = null;
  try {
    now = await git.resolveRef({ ...base, ref: order.ref });
  } catch {
    // The ref does not exist yet.
  }
  if (now !== order.expected) {
    fs.rmSync(`${path}.lock`);
    return false;
  }
  fs.renameSync(`${path}.lock`, path);
  return true;
}

interface Node {
  readonly children: Map<string, Node>;
  bytes: Uint8Array | undefined;
}

function nodeOf(files: ReadonlyMap<string, Uint8Array>): Node {
  const root: Node = { children: new Map(), bytes: undefined };
  for (const [path, bytes] of files) {
    let at = root;
    for (const part of path.split("/")) {
      const next: Node = at.children.get(part) ?? { children: new Map(), bytes: undefined };
      at.children.set(part, next);
      at = next;
    }
    at.bytes = bytes;
  }
  return root;
}

async function writeTree(base: Base, node: Node, before: string | undefined): Promise<string> {
  const old = before === undefined ? [] : (await git.readTree({ ...base, oid: before })).tree;
  const entries = new Map(old.map((entry) => [entry.path, entry]));
  for (const [name, child] of node.children) {
    const there = entries.get(name);
    if (child.bytes !== undefined) {
      entries.set(name, {
        mode: "100644",
        path: name,
        type: "blob",
        oid: await git.writeBlob({ ...base, blob: child.bytes }),
      });
    } else {
      const oid = await writeTree(base, child, there?.type === "tree" ? there.oid : undefined);
      entries.set(name, { mode: "040000", path: name, type: "tree", oid });
    }
  }
  return git.writeTree({ ...base, tree: [...entries.values()] });
}
