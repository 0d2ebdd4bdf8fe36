import type { Desired } from "../../forge/desired.ts";
import type { Answer, Forge, PullRequest } from "../../forge/forge.ts";
import type { CommitSha } from "../../identity/identity.ts";
import { decidePromotion, type Decision, type Question, type Voter, type Wait } from "../../release/decide.ts";
import { isSame, type Request } from "../../release/environment-state.ts";
import {
  promotionBody,
  promotionTitle,
  type PromotionView,
  type ToldDecision,
} from "../../report/promotion-summary.ts";
import { promotionRefusedIssue } from "../../report/promotion-refused.ts";
import { promotionBranch } from "../../release/release.ts";
import { isNotNow } from "../../forge/looked.ts";
import { checkOf, viewOf } from "./check.ts";
import { agreed, changedByHand, pointer, released } from "./facts.ts";
import { asOfNow, later, NOTHING, type PromoteOrder, type PromotePorts, type Promoted } from "./promotion.ts";
import { settled } from "./settled.ts";

/** What was held in the moment of merging, or an author who showed in it, is found by the next look. */
const CHANGED_MS = 1_000;

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
  if (opened.kind === "refused") return { ...later(opened, order.now), states: [openable(order, opened.why)] };
  if (opened.kind !== "ok") return later(opened, order.now);
  const { pullRequest, shownAt, valid } = opened.value;
  if (request.pullRequest !== pullRequest.number)
    await ports.record([pointer(asOfNow(ports, order), pullRequest.number)]);
  if (!valid) {
    await ports.record(changedByHand(asOfNow(ports, order), pullRequest.number));
    return { ...NOTHING, states: [checkOf(view, pullRequest, null)] };
  }
  const voters = await ports.voters(pullRequest, shownAt);
  if (voters.kind !== "ok") return later(voters, order.now);
  const decision = decidePromotion({ ...asOfNow(ports, order), run: request.run, voters: voters.value });
  await ports.record(
    agreed(asOfNow(ports, order), { decision, voters: voters.value, pullRequest: pullRequest.number }),
  );
  // What came to wait while a queue had it is not merged.
  const left = decision.kind === "wait" ? await ports.forge.dequeue(pullRequest.number, pullRequest.base.branch) : null;
  const told = {
    ...decision,
    waits: [...decision.waits, ...stuckIn(left)],
    voids: objectionsTo(request, decision),
  };
  const body = promotionBody(view, told);
  if (pullRequest.body !== body) await ports.forge.updatePullRequest(pullRequest.number, { body });
  const others = [openable(order, null), ...labelsTaken(order, pullRequest, decision)];
  const states = [checkOf(view, pullRequest, told), ...others];
  if (isNotNow(left)) return { ...later(left, order.now), states };
  if (decision.kind === "wait") return { states, again: soonest(decision, order.now), released: false };
  const still = await stillSo(ports, { ...order, run: request.run }, () => ports.voters(pullRequest, shownAt));
  if (still.kind !== "ok") return { ...later(still, order.now), states };
  if (!still.value) return { states, again: CHANGED_MS, released: false };
  return merging(ports, order, { pullRequest, view, told, others });
}

/**
 * Whether what was decided a moment ago holds in the moment of merging: authors as the forge tells them by now, which may
 * take long, then who agrees, who may have thought better of it meanwhile, then whether nobody holds it.
 */
async function stillSo(
  { authors, stillFree, now }: PromotePorts,
  question: Omit<Question, "voters">,
  voters: () => Promise<Answer<readonly Voter[]>>,
): Promise<Answer<boolean>> {
  const told = await authors();
  if (told.kind !== "ok") return told;
  const agreeing = await voters();
  if (agreeing.kind !== "ok") return agreeing;
  const { kind } = decidePromotion({ ...question, authors: told.value, voters: agreeing.value, now: now() });
  return { kind: "ok", value: kind === "release" && (await stillFree()) };
}

function openable({ environment: { name }, pipeline }: PromoteOrder, why: string | null): Desired {
  const of = { environment: name, pipeline };
  return promotionRefusedIssue({ ...of, branch: promotionBranch(of), why });
}

async function merging(
  ports: PromotePorts,
  order: PromoteOrder,
  {
    pullRequest,
    view,
    told,
    others,
  }: {
    readonly pullRequest: PullRequest;
    readonly view: PromotionView;
    readonly told: ToldDecision;
    readonly others: readonly Desired[];
  },
): Promise<Promoted> {
  const states = (said: ToldDecision): readonly Desired[] => [checkOf(view, pullRequest, said), ...others];
  const merged = await mergeNow(ports, pullRequest, promotionTitle(view));
  if (merged.kind !== "ok") {
    const refused = merged.kind === "refused" ? { refused: merged.why } : {};
    return { ...later(merged, order.now), states: states({ ...told, ...refused }) };
  }
  // The queue merges it when its commit is found good, which wakes us.
  if (merged.value === null) return { states: states(told), again: null, released: false };
  await ports.record([released(asOfNow(ports, order), { pullRequest: pullRequest.number, merge: merged.value })]);
  return { states: states(told), again: null, released: true };
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

async function unattended(ports: PromotePorts, order: PromoteOrder): Promise<Promoted> {
  const decision = decidePromotion({ ...order, run: order.request.run, voters: [] });
  if (decision.kind === "wait") return { ...NOTHING, again: soonest(decision, order.now) };
  if (!(await ports.stillFree())) return { ...NOTHING, again: CHANGED_MS };
  await ports.record([released(asOfNow(ports, order), { pullRequest: null, merge: null })]);
  return { ...NOTHING, released: true };
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

/** A label that does not count is taken off; the check says why. */
function labelsTaken({ environment }: PromoteOrder, { number }: PullRequest, { voids }: Decision): readonly Desired[] {
  if (!voids.some(({ approval }) => approval.cause.startsWith("label:"))) return [];
  return [{ kind: "labels", number, add: [], remove: [`approve:${environment.name}`] }];
}

function soonest({ waits }: Decision, now: number): number | null {
  const times = waits.flatMap(({ until }) => (until === null ? [] : [Math.max(1_000, until - now)]));
  return times.length === 0 ? null : Math.min(...times);
}
