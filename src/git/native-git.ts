import { existsSync } from "node:fs";
import { join } from "node:path";

import { parseCommitSha, type BlobId, type CommitSha } from "../identity/identity.ts";
import { cleanFilters, quiet } from "./clean-filters.ts";
import { lines, LIST, parseIndex, parseLog, parseTree, parseUntracked } from "./git-output.ts";
import { gitProcess, type GitProcess } from "./git-process.ts";
import type { Appended, Git, LedgerCommit, LoggedCommit } from "./git.ts";
import { listingStamp } from "./listing-stamp.ts";
import { objectReader, type ObjectReader } from "./read-objects.ts";
import { recentLog } from "./recent-log.ts";
import { readHead, readRef } from "./refs.ts";
import type { RunProgram } from "./run-program.ts";

export interface NativePlace {
  readonly root: string;
  /** The git directory of this work tree. */
  readonly own: string;
  /** The git directory that all work trees share. */
  readonly common: string;
  /** The git binary. */
  readonly program: string;
  /** How it is run; default: as a child of this process. */
  readonly run?: RunProgram;
}

/** A repository through the git binary. */
export function nativeGit(place: NativePlace): Git {
  const { root, own, common: directory } = place;
  const git = gitProcess(root, place.program, place.run === undefined ? {} : { run: place.run });
  const text = async (args: readonly string[]): Promise<string> => (await git.run(args)).toString("utf8");
  const reader = objectReader(git);

  async function one(revision: string): Promise<CommitSha | undefined> {
    // A tag may be an object of its own, and refs of one work tree stand elsewhere: git resolves those.
    const plain = /^refs\/(heads|sluice)\/[^~^@:{]+$/.test(revision);
    if (plain && !existsSync(join(directory, "reftable"))) return readRef(directory, revision);
    const { code, stdout } = await git.attempt([
      "rev-parse",
      "--verify",
      "--quiet",
      "--end-of-options",
      `${revision}^{commit}`,
    ]);
    return code === 0 ? parseCommitSha(stdout.toString("utf8").trim()) : undefined;
  }

  // One command looks at the work tree once.
  let listed: Promise<Buffer> | undefined;
  const listing = (): Promise<Buffer> => (listed ??= quiet(git.run(LIST)));
  const filters = cleanFilters({ git, own, common: directory, listing });

  return {
    root,
    directory,
    adapter: "native",
    async head() {
      // Reftables keep refs elsewhere; there git itself is asked.
      const quick = existsSync(join(directory, "reftable")) ? undefined : readHead(own, directory);
      if (quick !== undefined) return quick;
      const [commit, branch] = await Promise.all([
        one("HEAD"),
        git.attempt(["symbolic-ref", "--quiet", "--short", "HEAD"]),
      ]);
      return { commit: commit ?? null, branch: branch.code === 0 ? branch.stdout.toString("utf8").trim() : null };
    },
    resolve: one,
    async rootCommit() {
      const { code, stdout } = await git.attempt(["rev-list", "--first-parent", "--max-parents=0", "HEAD"]);
      return code === 0 ? (parseCommitSha(stdout.toString("utf8").trim().split("\n").at(-1) ?? "") ?? null) : null;
    },
    async mergeBase(a, b) {
      const { code, stdout } = await git.attempt(["merge-base", a, b]);
      return code === 0 ? parseCommitSha(stdout.toString("utf8").trim()) : undefined;
    },
    async firstParents(from, limit) {
      return lines(await text(["rev-list", "--first-parent", `--max-count=${limit}`, from])).flatMap(
        (line) => parseCommitSha(line) ?? [],
      );
    },
    async tree(commit) {
      return parseTree(await git.run(["ls-tree", "-r", "-z", "--full-tree", commit]));
    },
    async blob(id) {
      let found: Uint8Array | undefined;
      await readBlobs({ git, reader }, [id], (_, bytes) => (found = bytes));
      return found ?? new Uint8Array();
    },
    blobs: (ids, take) => readBlobs({ git, reader }, ids, take),
    async file(commit, path) {
      // One small file that was written lately: no process is started for it.
      const { readLooseFile } = await import("./loose-file.ts");
      const here = readLooseFile(join(directory, "objects"), commit, path);
      return here === undefined ? (await readMany({ git, reader }, commit, { paths: [path] })).get(path) : here.bytes;
    },
    files: (commit, paths, most) => readMany({ git, reader }, commit, { paths, most }),
    async tracked() {
      // Asked now, so that the answer is there when the first digests are wanted.
      filters.ask();
      return parseIndex(await listing());
    },
    untracked: async () => parseUntracked(await listing()),
    listingStamp: async () => listingStamp(await listing()),
    cleaned: (paths) => filters.cleaned(paths),
    append: (ref, expected, commits) => append({ git, reader }, directory, { ref, expected, commits }),
    async log(ref, until) {
      const head = until === undefined ? undefined : await one(ref);
      if (head === undefined || until === undefined) return log(git, ref, until);
      return (await recentLog(reader, head, until)) ?? log(git, ref, until);
    },
    async line(head, { commits, bytes }) {
      // Before any message is read: one may be as large as a push.
      const listed = lines(await text(["rev-list", "--parents", `--max-count=${commits + 1}`, head]));
      const shas = listed.map((entry) => entry.split(" "));
      if (listed.length > commits || shas.some(({ length }) => length > 2)) return undefined;
      const sizes = await sizesOf(
        git,
        shas.map(([sha = ""]) => sha),
      );
      return sizes.every((size) => size <= bytes) ? log(git, head) : undefined;
    },
    async added(commit) {
      const output = await git.run([
        "diff-tree",
        "-r",
        "-z",
        "--root",
        "--no-commit-id",
        "--name-only",
        "--diff-filter=A",
        commit,
      ]);
      return output
        .toString("utf8")
        .split("\0")
        .filter((path) => path !== "");
    },
    push: (remote, refs) => push(git, remote, refs),
  };
}

const LOG = ["log", "-z", "--no-show-signature", "--encoding=UTF-8", "--format=%H%n%P%n%ct%n%B"];

async function log(git: GitProcess, ref: string, until?: CommitSha): Promise<readonly LoggedCommit[]> {
  const stop = until === undefined ? [] : [`^${until}`];
  const { code, stdout } = await git.attempt([...LOG, "--end-of-options", ref, ...stop, "--"]);
  if (code === 0) return parseLog(stdout.toString("utf8"));
  return until === undefined ? [] : log(git, ref);
}

const PUSH = [
  "push",
  "--atomic",
  "--porcelain",
  "--no-verify",
  "--no-follow-tags",
  "--no-signed",
  "--recurse-submodules=no",
];

async function push(git: GitProcess, remote: string, refs: Parameters<Git["push"]>[1]): ReturnType<Git["push"]> {
  const forced = refs.find(({ from }) => from.startsWith("+"));
  if (forced !== undefined) throw new Error(`pushing ${forced.from}: nothing is ever forced`);
  const orders = refs.map(({ from, to }) => `${from}:${to}`);
  const { code, stdout, stderr } = await git.attempt([...PUSH, "--", remote, ...orders]);
  if (code === 0) return { kind: "pushed" };
  const refused = lines(stdout.toString("utf8")).filter((line) => line.startsWith("!"));
  return {
    kind: "rejected",
    why: refused.map((line) => line.split("\t").slice(1).join(" ")).join("; ") || stderr.trim(),
  };
}

interface Reading {
  readonly git: GitProcess;
  readonly reader: ObjectReader;
}

/** Files of a commit through one process; a name with a line feed cannot be asked for that way. */
async function readMany(
  { git, reader }: Reading,
  commit: CommitSha,
  { paths: asked, most }: { readonly paths: readonly string[]; readonly most?: number | undefined },
): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  const paths = most === undefined ? asked : await smallOf(git, commit, { paths: asked, most });
  const together = paths.filter((path) => !path.includes("\n"));
  const names = together.map((path) => `${commit}:${path}`);
  await reader.read(names, (at, bytes) => {
    const path = together[at];
    if (path !== undefined && bytes !== undefined) found.set(path, new Uint8Array(bytes));
  });
  for (const path of paths.filter((one) => one.includes("\n"))) {
    const { code, stdout } = await git.attempt(["cat-file", "blob", `${commit}:${path}`]);
    if (code === 0) found.set(path, stdout);
  }
  return found;
}

/** Those of which there are no more bytes than that. */
async function smallOf(
  git: GitProcess,
  commit: CommitSha,
  { paths, most }: { readonly paths: readonly string[]; readonly most: number },
): Promise<readonly string[]> {
  const together = paths.filter((path) => !path.includes("\n"));
  const sizes = await sizesOf(
    git,
    together.map((path) => `${commit}:${path}`),
  );
  return together.filter((_, at) => (sizes[at] ?? Number.NaN) <= most);
}

/** Bytes of objects by name, each a line; not a number where there is none. */
async function sizesOf(git: GitProcess, names: readonly string[]): Promise<readonly number[]> {
  const input = names.map((name) => `${name}\n`).join("");
  const answer = await git.run(["cat-file", "--batch-check=%(objectsize)"], input);
  return lines(answer.toString("utf8")).map(Number);
}

async function readBlobs(
  { git, reader }: Reading,
  ids: readonly BlobId[],
  take: (id: BlobId, bytes: Uint8Array) => void,
): Promise<void> {
  await reader.read(ids, (at, bytes) => {
    const id = ids[at];
    if (id === undefined || bytes === undefined) throw new Error(`blob ${id ?? at} is not in ${git.directory}`);
    take(id, bytes);
  });
}

/**
 * A few objects are written here; more go through one fast-import, which itself refuses to move a ref to a commit that
 * does not contain what the ref holds by then: that is the compare-and-swap, with the old value as the first new
 * commit's parent.
 */
async function append(
  { git, reader }: Reading,
  directory: string,
  order: { readonly ref: string; readonly expected: CommitSha | null; readonly commits: readonly LedgerCommit[] },
): Promise<Appended> {
  const current = async (): Promise<CommitSha | null> => {
    if (!existsSync(join(directory, "reftable"))) return readRef(directory, order.ref) ?? null;
    const { code, stdout } = await git.attempt(["rev-parse", "--verify", "--quiet", order.ref]);
    return code === 0 ? (parseCommitSha(stdout.toString("utf8").trim()) ?? null) : null;
  };
  const before = await current();
  if (before !== order.expected) return { kind: "overtaken", head: before };
  const { isSmall, looseAppend } = await import("./loose-append.ts");
  if (isSmall(directory, order)) return looseAppend(directory, reader, order);
  const { fastImport } = await import("./fast-import.ts");
  const imported = await fastImport(git, { ref: order.ref, from: order.expected, commits: order.commits });
  if (imported.kind === "moved") return { kind: "overtaken", head: await current() };
  const head = imported.commits.at(-1);
  if (head === undefined) throw new Error(`appending to ${order.ref}: nothing to append`);
  return { kind: "appended", head, commits: imported.commits };
}
