import type { BlobId, CommitSha } from "../identity/identity.ts";
import type { Problem } from "../problem/problem.ts";

export interface TreeEntry {
  /** `/`-separated, as git has it. */
  readonly path: string;
  readonly kind: "file" | "executable" | "link" | "submodule";
  readonly blob: BlobId;
}

export interface LedgerCommit {
  /** Files to add, by path; the tree below keeps what it had. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly message: string;
  readonly author: { readonly name: string; readonly email: string };
  /** Seconds since 1970, UTC. */
  readonly time: number;
}

export type Appended =
  | { readonly kind: "appended"; readonly head: CommitSha; readonly commits: readonly CommitSha[] }
  | { readonly kind: "overtaken"; readonly head: CommitSha | null };

export interface LoggedCommit {
  readonly sha: CommitSha;
  readonly parents: readonly CommitSha[];
  readonly time: number;
  readonly message: string;
}

/** The commits of a repository, with or without a work tree: read at a commit, append to a ref, push. */
export interface Commits {
  /** Absolute path of the git directory. */
  readonly directory: string;
  readonly adapter: "native" | "isomorphic";
  /** A branch, tag, ref, sha or unique prefix; undefined when there is none. */
  resolve(revision: string): Promise<CommitSha | undefined>;
  mergeBase(a: CommitSha, b: CommitSha): Promise<CommitSha | undefined>;
  firstParents(from: CommitSha, limit: number): Promise<readonly CommitSha[]>;
  /** All entries of a commit's tree, sorted by path in UTF-8 bytes. */
  tree(commit: CommitSha): Promise<readonly TreeEntry[]>;
  blob(id: BlobId): Promise<Uint8Array>;
  /** Many blobs in one read, each handed over as it comes and in the order asked for; a missing one is an exception. */
  blobs(ids: readonly BlobId[], take: (id: BlobId, bytes: Uint8Array) => void): Promise<void>;
  /** A file of a commit (or of any tree-ish ref); undefined when it is not there. */
  file(commit: CommitSha, path: string): Promise<Uint8Array | undefined>;
  /** Appends commits to a ref in one go: compare-and-swap against `expected` (null: the ref must not exist). */
  append(ref: string, expected: CommitSha | null, commits: readonly LedgerCommit[]): Promise<Appended>;
  /** Commits of a ref from newest to oldest, stopping before `until`; all of them when `until` is not known here. */
  log(ref: string, until?: CommitSha): Promise<readonly LoggedCommit[]>;
  /** All commits up to one, newest first; undefined where one is a merge, and where they are more or larger than that. */
  line(
    head: CommitSha,
    most: { readonly commits: number; readonly bytes: number },
  ): Promise<readonly LoggedCommit[] | undefined>;
  /** Many files of one commit in one read; absent ones are left out, and those of more than `most` bytes. */
  files(commit: CommitSha, paths: readonly string[], most?: number): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Paths that a commit added against its first parent. */
  added(commit: CommitSha): Promise<readonly string[]>;
  /**
   * Pushes refs, all or nothing (without the binary: one after the other, deletions last); an empty `from` deletes `to`.
   * `remote` is a remote's name or a URL. `force` is never used, and no hook of the person's runs.
   */
  push(
    remote: string,
    refs: readonly { readonly from: string; readonly to: string }[],
  ): Promise<{ readonly kind: "pushed" } | { readonly kind: "rejected"; readonly why: string }>;
}

/** One repository with its work tree. Held by contract/git.ts. */
export interface Git extends Commits {
  /** Absolute path of the work tree's root. */
  readonly root: string;
  /** Commit and branch at HEAD; commit null before the first commit, branch null when detached. */
  head(): Promise<{ readonly commit: CommitSha | null; readonly branch: string | null }>;
  /** The first commit without parents on the first-parent line of HEAD: names a repository without a forge. */
  rootCommit(): Promise<CommitSha | null>;
  /** Entries of the index (stage 0). */
  tracked(): Promise<readonly TreeEntry[]>;
  /** Files of the work tree that are neither tracked nor ignored, sorted. */
  untracked(): Promise<readonly string[]>;
  /** Changes whenever a file is tracked, untracked, added or taken away; not when bytes of a file change. */
  listingStamp(): Promise<string>;
  /**
   * The bytes git would store for work-tree files that have clean filters (text, eol, working-tree-encoding,
   * filter); a path is absent from the answer where the bytes on disk are what git would store.
   */
  cleaned(paths: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;
}

/** Git cannot say what it would store for a file, because a program that its attributes require fails. */
export class FilterFailure extends Error {
  readonly filter: string;
  readonly problem: Problem;
  constructor(filter: string, problem: Problem) {
    super(`${problem.at.path}: ${problem.message}`);
    this.filter = filter;
    this.problem = problem;
  }
}
