import type { CommitSha, RunId } from "../identity/identity.ts";
import type { RunRecord } from "../run/run-record.ts";

/** A recorded run as a baseline is chosen from. */
export interface Candidate {
  readonly id: RunId;
  readonly source: CommitSha;
  readonly status: RunRecord["status"];
  readonly trigger: RunRecord["trigger"];
}

const OF_A_BRANCH: readonly RunRecord["trigger"][] = ["push", "schedule", "upstream", "backfill", "retry"];

/**
 * The run that a change is compared with (SEMANTICS §9): the newest successful one of the default branch whose source
 * is the merge base or its nearest first-parent ancestor. `candidates` are newest first, `ancestors` begin with the
 * merge base.
 */
export function chooseBaseline(candidates: readonly Candidate[], ancestors: readonly CommitSha[]): RunId | undefined {
  const distance = new Map(ancestors.map((commit, at) => [commit, at]));
  let best: { readonly id: RunId; readonly at: number } | undefined;
  for (const { id, source, status, trigger } of candidates) {
    const at = distance.get(source);
    if (at === undefined || status !== "succeeded" || !OF_A_BRANCH.includes(trigger)) continue;
    if (best === undefined || at < best.at) best = { id, at };
  }
  return best?.id;
}
