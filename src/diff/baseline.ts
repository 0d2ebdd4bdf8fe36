import type { CommitSha, RunId } from "../identity/identity.ts";
import { isOfBranch, type PastRun } from "../run/due-upstream.ts";

/** A recorded run as a baseline is chosen from. */
export interface Candidate extends PastRun {
  readonly source: CommitSha;
}

/**
 * The run that a change is compared with (SEMANTICS §9): the newest successful one of the default branch whose source
 * is the merge base or its nearest first-parent ancestor. `candidates` are newest first, `ancestors` begin with the
 * merge base.
 */
export function chooseBaseline(candidates: readonly Candidate[], ancestors: readonly CommitSha[]): RunId | undefined {
  const distance = new Map(ancestors.map((commit, at) => [commit, at]));
  const find = (id: RunId): Candidate | undefined => candidates.find((run) => run.id === id);
  let best: { readonly id: RunId; readonly at: number } | undefined;
  for (const run of candidates) {
    const at = distance.get(run.source);
    // What a pull request ran, also when it was tried again, is no baseline: its commit may have become the branch's.
    if (at === undefined || run.status !== "succeeded" || !isOfBranch(run, null, find)) continue;
    if (best === undefined || at < best.at) best = { id: run.id, at };
  }
  return best?.id;
}
