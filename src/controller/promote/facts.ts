import type { CommitSha } from "../../identity/identity.ts";
import { type Decision, type Voter } from "../../release/decide.ts";
import { isSame } from "../../release/environment-state.ts";
import type { Actor, ReleaseEvent } from "../../release/release-event.ts";
import { pointerCause } from "../../release/pointer.ts";
import type { PromoteOrder } from "./promotion.ts";

/** What a person's commit stands in for was agreed to by nobody. */
export function changedByHand(order: PromoteOrder, pullRequest: number): readonly ReleaseEvent[] {
  return order.request.approvals.map(({ by, cause, evidence }) => ({
    ...fact(order, "revoked", { by, cause: `${cause}/edited` }),
    evidence,
    reason: "somebody changed the pull request by hand",
    pullRequest,
    revokes: "approval",
  }));
}

/** Approvals that came to count are recorded once each; those that count no more are taken back. */
export function agreed(
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

export function withdrawn(order: PromoteOrder, { cause, reason }: { cause: string; reason: string }): ReleaseEvent {
  return { ...fact(order, "revoked", { by: SLUICE, cause }), reason, revokes: "request" };
}

export function pointer(order: PromoteOrder, pullRequest: number): ReleaseEvent {
  const { by, cause } = order.request;
  return { ...fact(order, "requested", { by, cause: pointerCause(pullRequest, cause) }), pullRequest };
}

export function released(
  order: PromoteOrder,
  { pullRequest, merge }: { readonly pullRequest: number | null; readonly merge: CommitSha | null },
): ReleaseEvent {
  const cause = merge === null ? `run:${order.request.run}/${order.request.cause}` : `merge:${merge}`;
  return { ...fact(order, "released", { by: order.request.by, cause }), evidence: order.evidence, pullRequest };
}
