import type { Answer, PullRequest } from "../../forge/forge.ts";
import type { Digest } from "../../identity/identity.ts";
import { decidePromotion, type Voter } from "../../release/decide.ts";
import type { Hold } from "../../release/environment-state.ts";
import { closedCheck } from "./check.ts";
import { released, withdrawn } from "./facts.ts";
import { asOfNow, later, NOTHING, type PromoteOrder, type PromotePorts, type Promoted } from "./promotion.ts";

/** What became of a pull request while nobody of us looked: merged with enough agreement, or closed by a person. */
export async function settled(ports: PromotePorts, order: PromoteOrder): Promise<Promoted | undefined> {
  const { request } = order;
  if (request.pullRequest === null) return undefined;
  const asked = await ports.forge.pullRequest(request.pullRequest);
  if (asked.kind !== "ok") return later(asked, order.now);
  const { state, merged, mergeCommit, number, base } = asked.value;
  if (state === "open") return undefined;
  const elsewhere = merged && base.branch !== order.branch;
  if (merged && !elsewhere) {
    const counts = await mayCount(ports, asOf(order, asked.value.mergedAt), asked.value);
    if (counts.kind !== "ok") return later(counts, order.now);
    if (counts.value) {
      await ports.record([released(asOfNow(ports, order), { pullRequest: number, merge: mergeCommit })]);
      return { ...NOTHING, released: true };
    }
  }
  const reason = whyNot(merged, elsewhere ? base.branch : null);
  await ports.record([withdrawn(asOfNow(ports, order), { cause: `pull-request:${number}/${request.cause}`, reason })]);
  return { ...NOTHING, states: [closedCheck(order, asked.value, reason)] };
}

function whyNot(merged: boolean, elsewhere: string | null): string {
  if (elsewhere !== null) return `merged into another branch, ${elsewhere}`;
  return merged ? "merged past what it waited for" : "its pull request was closed";
}

const SECOND = 1_000;

/** What stood when it was merged: what somebody holds afterwards undoes no merge. Forges tell the time to the second. */
function asOf(order: PromoteOrder, mergedAt: string | null): PromoteOrder {
  const { standing, state } = order;
  const until = mergedAt === null ? Infinity : Date.parse(mergedAt) + SECOND;
  const then = (hold: Hold | null): Hold | null => (hold !== null && Date.parse(hold.at) < until ? hold : null);
  return {
    ...order,
    standing: { ...standing, hold: then(standing.hold) },
    state: state && { ...state, freeze: then(state.freeze) },
  };
}

/**
 * A merge that we made ourselves was decided on just before, and only its record is missing. Any other counts where
 * nothing stands against it at this moment; otherwise the pin is drift, and is told as that.
 */
async function mayCount(ports: PromotePorts, order: PromoteOrder, pullRequest: PullRequest): Promise<Answer<boolean>> {
  const { request, environment, standing, state } = order;
  const { mergedBy, author } = pullRequest;
  // The forge may have merged long after it was told to, and somebody held it before that.
  if (standing.hold !== null || (state?.freeze ?? null) !== null) return { kind: "ok", value: false };
  if (mergedBy?.bot === true && mergedBy.id === author.id)
    return { kind: "ok", value: request.approvals.length >= (environment.approvals?.count ?? 0) };
  const voters = await ports.voters(pullRequest, order.now);
  if (voters.kind !== "ok") return voters;
  const shown = await shownWhenMerged(ports, order, { pullRequest, voters: voters.value });
  if (shown.kind !== "ok") return shown;
  const authors = await ports.authors();
  if (authors.kind !== "ok") return authors;
  const decision = decidePromotion({ ...order, run: request.run, ...shown.value, authors: authors.value });
  return { kind: "ok", value: decision.kind === "release" };
}

/**
 * A queue merges the head that we put there, perhaps much later: who agreed to that is on record, with the evidence of
 * before the merge. What a person brought there or merged is judged by what they can be seen to agree to now.
 */
async function shownWhenMerged(
  { forge, evidenceBefore }: PromotePorts,
  { evidence, request }: PromoteOrder,
  { pullRequest, voters }: { readonly pullRequest: PullRequest; readonly voters: readonly Voter[] },
): Promise<Answer<{ readonly evidence: Digest; readonly voters: readonly Voter[] }>> {
  const { number, author, mergedBy, mergeCommit } = pullRequest;
  const now = { kind: "ok", value: { evidence, voters } } as const;
  if (mergedBy?.bot !== true || mergeCommit === null) return now;
  const by = await forge.enqueuedBy(number);
  if (by.kind !== "ok") return by;
  if (by.value?.id !== author.id) return now;
  const before = await evidenceBefore(mergeCommit);
  if (before === undefined) return { kind: "unreachable", why: "the merge is not in the mirror yet" };
  const recorded = voters.map((voter) => ({
    ...voter,
    approval: request.approvals.find(({ cause }) => cause === voter.approval.cause) ?? voter.approval,
  }));
  return { kind: "ok", value: { evidence: before, voters: recorded } };
}
