import type { CommitSha } from "../identity/identity.ts";
import type { Commits } from "./git.ts";

/** What looking at the remote gave: every matching ref as it is there now, and its objects here. */
export type Refreshed =
  | { readonly kind: "ok"; readonly refs: ReadonlyMap<string, CommitSha> }
  /** The remote does not let us in, or is not there: asking again at once would not help. */
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "unreachable"; readonly why: string };

/** One ref as it should become on the remote, if it still is what we think it is. */
export interface RefUpdate {
  readonly ref: string;
  /** What the remote holds; null: nothing, and then the ref is created and never overwritten. */
  readonly from: CommitSha | null;
  /** Null deletes the ref. */
  readonly to: CommitSha | null;
}

export type Published =
  | { readonly kind: "published" }
  /** Somebody moved one of the refs; nothing was changed. */
  | { readonly kind: "overtaken"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "unreachable"; readonly why: string };

/** A bare copy of a repository on a forge, and the only way by which a service reads and writes git. */
export interface Mirror extends Commits {
  /** Lists the remote's refs that match (`refs/heads/main`, `refs/sluice/runs/*`) and fetches what is not here yet. */
  refresh(patterns: readonly string[]): Promise<Refreshed>;
  /**
   * All or nothing, each ref only if it still holds what was expected of it: a compare-and-swap, never a force. What was
   * appended here to the ref that only grows and is not published is taken back.
   */
  publish(updates: readonly RefUpdate[]): Promise<Published>;
  /** What the ref that only grows held when it last had grown, seen or published by us; undefined before that. */
  grown(): Promise<CommitSha | undefined>;
  /** What the ref that only grows holds without what was appended here and is not published. */
  published(): Promise<CommitSha | undefined>;
  /** From now on this is what the ref that only grows should hold at least. */
  settle(head: CommitSha): Promise<void>;
  /** Refs below a prefix (`refs/sluice/orders/`) as they are here, whatever the remote holds. */
  kept(prefix: string): Promise<ReadonlyMap<string, CommitSha>>;
  /** Takes a ref away here, and only here; one that is not there is no trouble. */
  drop(ref: string): Promise<void>;
  /** The tree that merging two commits gives, or the paths that conflict. */
  mergeTree(
    base: CommitSha,
    head: CommitSha,
  ): Promise<
    { readonly kind: "ok"; readonly tree: CommitSha } | { readonly kind: "conflict"; readonly paths: readonly string[] }
  >;
  /** Paths that differ between two commits or trees, sorted. */
  changed(from: CommitSha, to: CommitSha): Promise<readonly string[]>;
}

/** A ledger whose truth is on a remote: what was appended here counts when it was published there. */
export interface RemoteLedger {
  readonly ref: string;
  /** Brings the ref to what the remote holds. */
  readonly refresh: () => Promise<void>;
  /** Moves the remote's ledger, and whatever is to move with it, in one step. */
  readonly publish: (step: { readonly from: CommitSha | null; readonly to: CommitSha }) => Promise<Published>;
}

/** The remote takes nothing now; it is as if nothing had been written. */
export interface NotRecorded {
  readonly kind: "later";
  readonly why: string;
}
