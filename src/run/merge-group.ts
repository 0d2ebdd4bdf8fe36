import { parseCommitSha, type CommitSha } from "../identity/identity.ts";

/** Branches of GitHub's merge queues: one for each commit that waits for its checks. */
export const MERGE_GROUPS = "refs/heads/gh-readonly-queue/*";

/** A commit that a merge queue has made, and the one that it was made onto. */
export interface MergeGroup {
  readonly head: CommitSha;
  readonly base: CommitSha;
}

/** What waits in merge queues, by the refs of the remote: the name of each branch ends with its base. */
export function mergeGroupsOf(refs: ReadonlyMap<string, CommitSha>): readonly MergeGroup[] {
  return [...refs].flatMap(([ref, head]) => {
    const [, text = ""] = /^refs\/heads\/gh-readonly-queue\/.+-([0-9a-f]{40})$/.exec(ref) ?? [];
    const base = parseCommitSha(text);
    return base === undefined ? [] : [{ head, base }];
  });
}
