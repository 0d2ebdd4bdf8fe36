import { existsSync } from "node:fs";
import { join } from "node:path";

import { byUtf8 } from "../identity/canonical-json.ts";
import { digestOf, parseCommitSha, type CommitSha } from "../identity/identity.ts";
import { readHead, readRef } from "./refs.ts";
import { cleaned, mayFilter } from "./clean-filters.ts";
import { fastImport } from "./fast-import.ts";
import { lines, parseIndex, parseLog, parseTree } from "./git-output.ts";
import { gitProcess, type GitProcess } from "./git-process.ts";
import type { Appended, Git, LedgerCommit } from "./git.ts";

export interface NativePlace {
  readonly root: string;
  /** The git directory of this work tree. */
  readonly own: string;
  /** The git directory that all work trees share. */
  readonly common: string;
  /** The git binary. */
  readonly program: string;
}

/** A repository through the git binary. */
export function nativeGit(place: NativePlace): Git {
  const { root, own, common: directory } = place;
  const git = gitProcess(root, place.program);
  const text = async (args: readonly string[]): Promise<string> => (await git.run(args)).toString("utf8");

  async function one(revision: string): Promise<CommitSha | undefined> {
    if (revision.startsWith("refs/") && !existsSync(join(directory, "reftable"))) return readRef(directory, revision);
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
  let listed: { readonly tracked: Promise<Buffer>; readonly untracked: Promise<Buffer> } | undefined;
  const listing = (): NonNullable<typeof listed> =>
    (listed ??= {
      tracked: git.run(["ls-files", "-s", "-z"]),
      untracked: git.run(["ls-files", "-o", "--exclude-standard", "-z"]),
    });

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
      return git.run(["cat-file", "blob", id]);
    },
    async file(commit, path) {
      const { code, stdout } = await git.attempt(["cat-file", "blob", `${commit}:${path}`]);
      return code === 0 ? stdout : undefined;
    },
    files: (commit, paths) => readMany(git, commit, paths),
    async tracked() {
      // Asked now, so that the answer is there when the first digests are wanted.
      void mayFilter(git, directory);
      return parseIndex(await listing().tracked);
    },
    async untracked() {
      const output = await listing().untracked;
      return output
        .toString("utf8")
        .split("\0")
        .filter((path) => path !== "" && !path.endsWith("/"))
        .sort(byUtf8);
    },
    async listingDigest() {
      const { tracked, untracked } = listing();
      return digestOf(Buffer.concat([await tracked, Buffer.from([1]), await untracked]));
    },
    cleaned: (paths) => cleaned(git, directory, paths),
    append: (ref, expected, commits) => append(git, directory, { ref, expected, commits }),
    async log(ref, until) {
      const { code, stdout } = await git.attempt([
        "log",
        "-z",
        "--format=%H%n%P%n%ct%n%B",
        ref,
        ...(until === undefined ? [] : [`^${until}`]),
        "--",
      ]);
      return code === 0 ? parseLog(stdout.toString("utf8")) : [];
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
    async push(remote, refs) {
      const { code, stderr } = await git.attempt([
        "push",
        "--atomic",
        "--porcelain",
        remote,
        ...refs.map(({ from, to }) => `${from}:${to}`),
      ]);
      return code === 0 ? { kind: "pushed" } : { kind: "rejected", why: stderr.trim() };
    },
  };
}

/** Reads many blobs through one `cat-file --batch`. */
async function readMany(
  git: GitProcess,
  commit: CommitSha,
  paths: readonly string[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  const safe = paths.filter((path) => !path.includes("\n"));
  if (safe.length === 0) return found;
  const output = await git.run(["cat-file", "--batch"], safe.map((path) => `${commit}:${path}\n`).join(""));
  let at = 0;
  for (const path of safe) {
    const end = output.indexOf(10, at);
    const header = output.toString("utf8", at, end);
    at = end + 1;
    const size = /^[0-9a-f]{40} blob (\d+)$/.exec(header)?.[1];
    if (size === undefined) {
      // Something that is there but is no blob is followed by its bytes.
      const other = /^[0-9a-f]{40} \w+ (\d+)$/.exec(header)?.[1];
      if (other !== undefined) at += Number(other) + 1;
      continue;
    }
    found.set(path, output.subarray(at, at + Number(size)));
    at += Number(size) + 1;
  }
  return found;
}

/**
 * One fast-import, which itself refuses to move a ref to a commit that does not contain what the ref holds by then:
 * that is the compare-and-swap, with the old value as the first new commit's parent.
 */
async function append(
  git: GitProcess,
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
  const imported = await fastImport(git, { ref: order.ref, from: order.expected, commits: order.commits });
  if (imported.kind === "moved") return { kind: "overtaken", head: await current() };
  const head = imported.commits.at(-1);
  if (head === undefined) throw new Error(`appending to ${order.ref}: nothing to append`);
  return { kind: "appended", head, commits: imported.commits };
}
