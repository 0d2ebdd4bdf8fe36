import * as fs from "node:fs";
import { join } from "node:path";

import git from "isomorphic-git";

import { byUtf8 } from "../identity/canonical-json.ts";
import { parseBlobId, parseCommitSha, type CommitSha } from "../identity/identity.ts";
import type { Git, LoggedCommit, TreeEntry } from "./git.ts";
import { append, type Base } from "./isomorphic-append.ts";
import { listingStamp } from "./listing-stamp.ts";

/** The repository at `root` without a git binary: for the Action, and for machines that have none. */
export function isomorphicGit(root: string, directory: string): Git {
  const base = { fs, dir: root, gitdir: directory, cache: {} };

  async function resolve(revision: string): Promise<CommitSha | undefined> {
    const [, name = revision, back = ""] = /^(.+?)((?:~\d*|\^)*)$/.exec(revision) ?? [];
    const steps = (back.match(/~\d*|\^/g) ?? []).reduce((sum, part) => sum + Number(part.slice(1) || 1), 0);
    const from = await peel(name);
    return from === undefined || steps === 0 ? from : (await firstParents(base, from, steps + 1))[steps];
  }

  /** The commit behind a ref, a tag, an id or the unique beginning of one. */
  async function peel(name: string): Promise<CommitSha | undefined> {
    try {
      const oid = parseCommitSha(name) ?? (await idOf(name));
      return parseCommitSha((await git.readCommit({ ...base, oid })).oid);
    } catch {
      return undefined;
    }
  }

  async function idOf(name: string): Promise<string> {
    if (name.split("/").includes("..")) throw new Error(`${name} is no name of a ref`);
    try {
      return await git.resolveRef({ ...base, ref: name });
    } catch (error) {
      if (!/^[0-9a-f]{4,39}$/.test(name)) throw error;
      return git.expandOid({ ...base, oid: name });
    }
  }

  async function readFile(commit: CommitSha, path: string): Promise<Uint8Array | undefined> {
    try {
      return (await git.readBlob({ ...base, oid: commit, filepath: path })).blob;
    } catch {
      return undefined;
    }
  }

  return {
    root,
    directory,
    adapter: "isomorphic",
    async head() {
      const branch = (await git.currentBranch({ ...base })) ?? null;
      return { commit: (await resolve("HEAD")) ?? null, branch };
    },
    resolve,
    async rootCommit() {
      const head = await resolve("HEAD");
      return head === undefined ? null : ((await firstParents(base, head)).at(-1) ?? null);
    },
    async mergeBase(a, b) {
      const [found] = (await git.findMergeBase({ ...base, oids: [a, b] })) as string[];
      return parseCommitSha(found ?? "");
    },
    firstParents: (from, limit) => firstParents(base, from, limit),
    tree: (commit) => readTree(base, commit),
    async blob(id) {
      return (await git.readBlob({ ...base, oid: id })).blob;
    },
    async blobs(ids, take) {
      for (const id of ids) take(id, (await git.readBlob({ ...base, oid: id })).blob);
    },
    file: readFile,
    async line(head, { commits, bytes }) {
      const read = await git.log({ ...base, ref: head, depth: commits + 1 });
      const large = read.some(({ payload }) => payload.length > bytes);
      const logged = read.map(loggedCommit);
      return large || read.length > commits || logged.some(({ parents }) => parents.length > 1) ? undefined : logged;
    },
    async files(commit, paths, most = Number.POSITIVE_INFINITY) {
      const found = new Map<string, Uint8Array>();
      for (const path of paths) {
        const bytes = await readFile(commit, path);
        if (bytes !== undefined && bytes.length <= most) found.set(path, bytes);
      }
      return found;
    },
    async tracked() {
      return readIndex(base);
    },
    async untracked() {
      return untracked(base, await readIndex(base));
    },
    async listingStamp() {
      const tracked = await readIndex(base);
      const known = tracked.map((entry) => `${entry.blob} ${entry.path}`);
      return listingStamp(Buffer.from(JSON.stringify([known, await untracked(base, tracked)])));
    },
    // Clean filters are programs and attributes of the git binary: without it the bytes on disk are taken.
    cleaned: async () => new Map(),
    append: (ref, expected, commits) => append(base, { ref, expected, commits }),
    async log(ref, until) {
      const head = await resolve(ref);
      if (head === undefined) return [];
      const commits = await git.log({ ...base, ref: head });
      const end = commits.findIndex((commit) => commit.oid === until);
      return (end < 0 ? commits : commits.slice(0, end)).map(loggedCommit);
    },
    async added(commit) {
      const { commit: read } = await git.readCommit({ ...base, oid: commit });
      const parent = parseCommitSha(read.parent[0] ?? "");
      const before = new Set(parent === undefined ? [] : (await readTree(base, parent)).map((entry) => entry.path));
      return (await readTree(base, commit)).map((entry) => entry.path).filter((path) => !before.has(path));
    },
    push: (remote, refs) => push(base, remote, refs),
  };
}

async function push(base: Base, remote: string, refs: Parameters<Git["push"]>[1]): ReturnType<Git["push"]> {
  const http = (await import("isomorphic-git/http/node")).default;
  const where = /[/:]/.test(remote) ? { url: remote } : { remote };
  const order = { ...base, http, ...where };
  try {
    for (const { from, to } of refs) if (from !== "") await git.push({ ...order, ref: from, remoteRef: to });
    // A deletion asks for a local ref all the same.
    for (const { from, to } of refs)
      if (from === "") await git.push({ ...order, ref: "HEAD", remoteRef: to, delete: true });
    return { kind: "pushed" };
  } catch (error) {
    return { kind: "rejected", why: error instanceof Error ? error.message : String(error) };
  }
}

async function firstParents(
  base: Base,
  from: CommitSha,
  limit = Number.POSITIVE_INFINITY,
): Promise<readonly CommitSha[]> {
  const found: CommitSha[] = [];
  for (let at: CommitSha | undefined = from; at !== undefined && found.length < limit;) {
    found.push(at);
    const { commit }: { commit: { parent: string[] } } = await git.readCommit({ ...base, oid: at });
    at = parseCommitSha(commit.parent[0] ?? "");
  }
  return found;
}

function loggedCommit(entry: Awaited<ReturnType<typeof git.log>>[number]): LoggedCommit {
  const sha = parseCommitSha(entry.oid);
  if (sha === undefined) throw new Error(`reading the log: ${entry.oid} is no commit id`);
  return {
    sha,
    parents: entry.commit.parent.flatMap((parent) => parseCommitSha(parent) ?? []),
    time: entry.commit.committer.timestamp,
    message: entry.commit.message,
  };
}

async function readTree(base: Base, commit: CommitSha): Promise<readonly TreeEntry[]> {
  const entries = (await git.walk({
    ...base,
    trees: [git.TREE({ ref: commit })],
    async map(path, [entry]) {
      if (entry === null || entry === undefined) return undefined;
      const type = await entry.type();
      if (type === "tree") return undefined;
      const blob = parseBlobId(await entry.oid());
      if (blob === undefined) return undefined;
      return { path, kind: type === "commit" ? "submodule" : kindOf(await entry.mode()), blob } satisfies TreeEntry;
    },
  })) as readonly TreeEntry[] | undefined;
  return [...(entries ?? [])].sort((a, b) => byUtf8(a.path, b.path));
}

function kindOf(mode: number): TreeEntry["kind"] {
  if (mode === 0o120000) return "link";
  if (mode === 0o160000) return "submodule";
  return (mode & 0o100) === 0 ? "file" : "executable";
}

async function readIndex(base: Base): Promise<readonly TreeEntry[]> {
  const entries = (await git.walk({
    ...base,
    trees: [git.STAGE()],
    async map(path, [entry]) {
      if (entry === null || entry === undefined || (await entry.type()) === "tree") return undefined;
      const blob = parseBlobId(await entry.oid());
      return blob === undefined ? undefined : ({ path, kind: kindOf(await entry.mode()), blob } satisfies TreeEntry);
    },
  })) as readonly TreeEntry[] | undefined;
  return [...(entries ?? [])].sort((a, b) => byUtf8(a.path, b.path));
}

/** Ignored files are told by .gitignore and info/exclude alone; a person's core.excludesFile is not read here. */
async function untracked(base: Base, tracked: readonly TreeEntry[]): Promise<readonly string[]> {
  const known = new Set(tracked.map((entry) => entry.path));
  const found: string[] = [];
  await visit(base, "", { known, take: (path) => void found.push(path) });
  return found.sort(byUtf8);
}

interface Visit {
  readonly known: ReadonlySet<string>;
  readonly take: (path: string) => void;
}

async function visit(base: Base, prefix: string, { known, take }: Visit): Promise<void> {
  for (const entry of fs.readdirSync(join(base.dir, prefix), { withFileTypes: true })) {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    if (path === ".git" || path === ".sluice" || known.has(path)) continue;
    if (await git.isIgnored({ ...base, filepath: path })) continue;
    if (!entry.isDirectory()) take(path);
    // A repository inside this one is not this one's business.
    else if (!fs.existsSync(join(base.dir, path, ".git"))) await visit(base, path, { known, take });
  }
}
