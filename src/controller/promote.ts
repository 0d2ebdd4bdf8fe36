import type { Desired } from "../forge/desired.ts";
import type { Answer, Forge, PullRequest } from "../forge/forge.ts";
import type { CommitSha, Digest } from "../identity/identity.ts";
import { decidePromotion, type Decision, type Question, type Voter, type Wait } from "../release/decide.ts";
import { isSame, type Request } from "../release/environment-state.ts";
import type { Actor, ReleaseEvent } from "../release/release-event.ts";
import type { Release } from "../release/release.ts";
import {
  promotionBody,
  promotionStatus,
  promotionTitle,
  type PromotionView,
  type ToldDecision,
} from "../report/promotion-summary.ts";
import { againAfter, isNotNow, SETTLED, type Looked, type Unanswered } from "../forge/looked.ts";

export interface PromotePorts {
  readonly forge: Pick<Forge, "pullRequest" | "merge" | "updatePullRequest" | "enqueue" | "dequeue" | "enqueuedBy">;
  /** Makes or updates the promotion pull request; `valid` is false where a hand changed what it would merge. */
  readonly open: (shown: {
    readonly title: string;
    readonly body: string;
  }) => Promise<Answer<{ readonly pullRequest: PullRequest; readonly shownAt: number; readonly valid: boolean }>>;
  /** Who agrees, with the permissions that they have at the moment of asking. */
  readonly voters: (pullRequest: PullRequest, shownAt: number) => Promise<Answer<readonly Voter[]>>;
  /** The evidence in front of a merge, which replaced a part of it; undefined: the mirror has no such commit yet. */
  readonly evidenceBefore: (merge: CommitSha) => Promise<Digest | undefined>;
  /** Whether nobody holds or freezes by now what was decided a moment ago, and nobody else has begun to decide. */
  readonly stillFree: () => Promise<boolean>;
  readonly record: (events: readonly ReleaseEvent[]) => Promise<void>;
}

/** What was held in the moment of merging is found by the look that the hold leads to. */
const CHANGED_MS = 1_000;

export interface PromoteOrder extends Omit<Question, "voters" | "run" | "evidence"> {
  readonly evidence: Digest;
  readonly pipeline: string;
  readonly request: Request;
  readonly candidate: Release;
  readonly live: Release | null;
  /** Whether it lives in the ledger only: automatic, and nobody has to agree. */
  readonly unattended: boolean;
}

export interface Promoted extends Looked {
  readonly released: boolean;
}

const NOTHING: Promoted = { ...SETTLED, released: false };

/**
 * Takes one requested promotion as far as it goes now: shows it, records who agrees, and merges exactly what was agreed
 * to when nothing stands against it. Everything is read anew each time, so that being woken twice does nothing twice.
 */
export async function promote(ports: PromotePorts, order: PromoteOrder): Promise<Promoted> {
  const { request } = order;
  if (order.unattended) return unattended(ports, order);
  const before = await settled(ports, order);
  if (before !== undefined) return before;
  const view = viewOf(order);
  const shown = { title: promotionTitle(view), body: promotionBody(view, null) };
  const opened = await ports.open(shown);
  if (opened.kind !== "ok") return later(opened, order.now);
  const { pullRequest, shownAt, valid } = opened.value;
  if (request.pullRequest !== pullRequest.number) await ports.record([pointer(order, pullRequest.number)]);
  if (!valid) {
    await ports.record(changedByHand(order, pullRequest.number));
    return { ...NOTHING, states: [checkOf(view, pullRequest, null)] };
  }
  const voters = await ports.voters(pullRequest, shownAt);
  if (voters.kind !== "ok") return later(voters, order.now);
  const decision = decidePromotion({ ...order, run: request.run, voters: voters.value });
  await ports.record(agreed(order, { decision, voters: voters.value, pullRequest: pullRequest.number }));
  // What came to wait while a queue had it is not merged.
  const left = decision.kind === "wait" ? await ports.forge.dequeue(pullRequest.number, pullRequest.base.branch) : null;
  const told = {
    ...decision,
    waits: [...decision.waits, ...stuckIn(left)],
    voids: objectionsTo(request, decision),
  };
  const body = promotionBody(view, told);
  if (pullRequest.body !== body) await ports.forge.updatePullRequest(pullRequest.number, { body });
  const states = [checkOf(view, pullRequest, told), ...labelsTaken(order, pullRequest, decision)];
  if (isNotNow(left)) return { ...later(left, order.now), states };
  if (decision.kind === "wait") return { states, again: soonest(decision, order.now), released: false };
  if (!(await ports.stillFree())) return { states, again: CHANGED_MS, released: false };
  const merged = await mergeNow(ports, pullRequest, shown.title);
  if (merged.kind !== "ok") return { ...later(merged, order.now), states };
  // The queue merges it when its commit is found good, which wakes us.
  if (merged.value === null) return { states, again: null, released: false };
  await ports.record([released(order, { pullRequest: pullRequest.number, merge: merged.value })]);
  return { states, again: null, released: true };
}

/** Merges exactly this head, or hands it to the branch's merge queue (null). */
export async function mergeNow(
  { forge }: { readonly forge: Pick<Forge, "merge" | "enqueue"> },
  { number, head: { sha }, base: { branch } }: PullRequest,
  title: string,
): Promise<Answer<CommitSha | null>> {
  const merged = await forge.merge(number, { sha, title });
  if (merged.kind !== "refused" || merged.status !== 405) return merged;
  const queued = await forge.enqueue(number, { sha, branch });
  if (queued.kind !== "ok") return queued;
  return queued.value === "queued" ? { kind: "ok", value: null } : merged;
}

function viewOf(order: PromoteOrder): PromotionView {
  return { ...order, environment: order.environment.name };
}

/** `sluice / promote (<environment>)`: under way while something is missing, and it says what. */
function checkOf(view: PromotionView, { head }: PullRequest, decision: ToldDecision | null): Desired {
  const { conclusion, ...status } = promotionStatus(view, decision);
  return {
    kind: "check",
    check: {
      head: head.sha,
      name: `sluice / promote (${view.environment})`,
      status: conclusion === null ? "in_progress" : "completed",
      conclusion,
      ...status,
      text: "",
      annotations: [],
      actions: decision === null ? [RESTORE] : [],
      externalId: view.evidence,
    },
  };
}

async function unattended({ record, stillFree }: PromotePorts, order: PromoteOrder): Promise<Promoted> {
  const decision = decidePromotion({ ...order, run: order.request.run, voters: [] });
  if (decision.kind === "wait") return { ...NOTHING, again: soonest(decision, order.now) };
  if (!(await stillFree())) return { ...NOTHING, again: CHANGED_MS };
  await record([released(order, { pullRequest: null, merge: null })]);
  return { ...NOTHING, released: true };
}

/** What became of a pull request while nobody of us looked: merged with enough agreement, or closed by a person. */
async function settled(ports: PromotePorts, order: PromoteOrder): Promise<Promoted | undefined> {
  const { request } = order;
  if (request.pullRequest === null) return undefined;
  const asked = await ports.forge.pullRequest(request.pullRequest);
  if (asked.kind !== "ok") return later(asked, order.now);
  const { state, merged, mergeCommit, number } = asked.value;
  if (state === "open") return undefined;
  if (merged) {
    const counts = await mayCount(ports, order, asked.value);
    if (counts.kind !== "ok") return later(counts, order.now);
    if (counts.value) {
      await ports.record([released(order, { pullRequest: number, merge: mergeCommit })]);
      return { ...NOTHING, released: true };
    }
  }
  const reason = merged ? "merged past what it waited for" : "its pull request was closed";
  await ports.record([withdrawn(order, { cause: `pull-request:${number}/${request.cause}`, reason })]);
  return NOTHING;
}

/**
 * A merge that we made ourselves was decided on just before, and only its record is missing. Any other counts where
 * nothing stands against it at this moment; otherwise the pin is drift, and is told as that.
 */
async function mayCount(ports: PromotePorts, order: PromoteOrder, pullRequest: PullRequest): Promise<Answer<boolean>> {
  const { request, environment, standing, state } = order;
  const { mergedBy, author } = pullRequest;
  // The forge may have merged long after it was told to, and somebody held it meanwhile.
  if (standing.hold !== null || (state?.freeze ?? null) !== null) return { kind: "ok", value: false };
  if (mergedBy?.bot === true && mergedBy.id === author.id)
    return { kind: "ok", value: request.approvals.length >= (environment.approvals?.count ?? 0) };
  const voters = await ports.voters(pullRequest, order.now);
  if (voters.kind !== "ok") return voters;
  const shown = await shownWhenMerged(ports, order, { pullRequest, voters: voters.value });
  if (shown.kind !== "ok") return shown;
  return { kind: "ok", value: decidePromotion({ ...order, run: request.run, ...shown.value }).kind === "release" };
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

/** What a queue does not let go may be merged in spite of what stands against it, and somebody has to know. */
function stuckIn(left: Answer<boolean> | null): readonly Wait[] {
  if (left?.kind !== "refused") return [];
  const why = `the merge queue does not let it go: ${left.why}`;
  return [{ kind: "queue", why, out: "take it out of the queue by hand", until: null }];
}

/** Whoever's word was taken off goes on being told why, until they agree anew. */
function objectionsTo({ objections }: Request, { voids, approvedBy }: Decision): ToldDecision["voids"] {
  const others = objections.filter(({ by }) => !voids.some(({ approval }) => isSame(approval.by, by)));
  const all = [...others.map(({ by, why }) => ({ approval: { by }, why })), ...voids];
  return all.filter(({ approval }) => !approvedBy.some((by) => isSame(by, approval.by)));
}

/** What a person's commit stands in for was agreed to by nobody. */
function changedByHand(order: PromoteOrder, pullRequest: number): readonly ReleaseEvent[] {
  return order.request.approvals.map(({ by, cause, evidence }) => ({
    ...fact(order, "revoked", { by, cause: `${cause}/edited` }),
    evidence,
    reason: "somebody changed the pull request by hand",
    pullRequest,
    revokes: "approval",
  }));
}

/** Approvals that came to count are recorded once each; those that count no more are taken back. */
function agreed(
  order: PromoteOrder,
  {
    decision,
    voters,
    pullRequest,
  }: { readonly decision: Decision; readonly voters: readonly Voter[]; readonly pullRequest: number },
): readonly ReleaseEvent[] {
  const void_ = new Set(decision.voids.map(({ approval }) => approval.cause));
  const counted = voters.filter(({ approval }) => !void_.has(approval.cause)).map(({ approval }) => approval);
  const known = order.request.approvals;
  const same = (cause: string, evidence: string | null) => (one: { cause: string; evidence: string | null }) =>
    one.cause === cause && one.evidence === evidence;
  const gone = known.filter((one) => !counted.some(same(one.cause, one.evidence)));
  const fresh = counted.filter((one) => !known.some(same(one.cause, one.evidence)));
  const agrees = (by: Actor): boolean => decision.approvedBy.some((one) => isSame(one, by));
  // A label that never counted is taken off; why has to stand somewhere.
  const refused = decision.voids.filter(
    ({ approval }) =>
      approval.cause.startsWith("label:") && !agrees(approval.by) && !known.some(({ by }) => isSame(by, approval.by)),
  );
  return [
    ...refused.map(({ approval: { by, cause }, why }): ReleaseEvent => ({
      ...fact(order, "revoked", { by, cause: `${cause}/refused` }),
      evidence: order.evidence,
      reason: why,
      pullRequest,
      revokes: "approval",
    })),
    ...gone.map(({ by, cause, evidence }): ReleaseEvent => {
      const why = decision.voids.find(({ approval }) => approval.cause === cause)?.why;
      return {
        ...fact(order, "revoked", { by, cause: `${cause}/void/${evidence ?? ""}/${order.evidence}` }),
        evidence,
        reason: why ?? "it was given for another head, or taken back",
        pullRequest,
        revokes: "approval",
      };
    }),
    ...fresh.map((one): ReleaseEvent => ({
      ...fact(order, "approved", { by: one.by, cause: one.cause }),
      evidence: one.evidence,
      pullRequest,
    })),
  ];
}

const RESTORE = { label: "Restore", description: "Put back what Sluice wrote", identifier: "restore" } as const;

/** A label that does not count is taken off; the check says why. */
function labelsTaken({ environment }: PromoteOrder, { number }: PullRequest, { voids }: Decision): readonly Desired[] {
  if (!voids.some(({ approval }) => approval.cause.startsWith("label:"))) return [];
  return [{ kind: "labels", number, add: [], remove: [`approve:${environment.name}`] }];
}

function soonest({ waits }: Decision, now: number): number | null {
  const times = waits.flatMap(({ until }) => (until === null ? [] : [Math.max(1_000, until - now)]));
  return times.length === 0 ? null : Math.min(...times);
}

function later(answer: Unanswered, now: number): Promoted {
  return { ...NOTHING, again: againAfter(answer, now) };
}

function fact(
  { environment, pipeline, request, now }: PromoteOrder,
  kind: ReleaseEvent["kind"],
  { by, cause }: { readonly by: Actor; readonly cause: string },
): ReleaseEvent {
  return {
    kind,
    environment: environment.name,
    pipeline,
    run: request.run,
    evidence: null,
    by,
    cause,
    at: new Date(now).toISOString(),
    reason: null,
    pullRequest: null,
    deployment: null,
    revokes: null,
  };
}

const SLUICE: Actor = { id: null, login: "sluice" };

function withdrawn(order: PromoteOrder, { cause, reason }: { cause: string; reason: string }): ReleaseEvent {
  return { ...fact(order, "revoked", { by: SLUICE, cause }), reason, revokes: "request" };
}

function pointer(order: PromoteOrder, pullRequest: number): ReleaseEvent {
  const { by, cause } = order.request;
  return { ...fact(order, "requested", { by, cause: `pull-request:${pullRequest}/${cause}` }), pullRequest };
}

function released(
  order: PromoteOrder,
  { pullRequest, merge }: { readonly pullRequest: number | null; readonly merge: CommitSha | null },
): ReleaseEvent {
  const cause = merge === null ? `run:${order.request.run}/${order.request.cause}` : `merge:${merge}`;
  return { ...fact(order, "released", { by: order.request.by, cause }), evidence: order.evidence, pullRequest };
}
