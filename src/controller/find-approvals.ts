import type { Answer, Forge, LabelEvent, PullRequest, Review } from "../forge/forge.ts";
import type { Voter } from "../release/decide.ts";
import type { Approval } from "../release/environment-state.ts";
import type { Digest } from "../identity/identity.ts";
import type { Person } from "../identity/repository.ts";

export interface ApprovalPorts {
  readonly forge: Pick<Forge, "labelEvents" | "reviews" | "loginOf">;
  /** Whether an account may approve here at this moment. */
  readonly mayApprove: (login: string) => Promise<Answer<boolean>>;
}

export interface ApprovalOrder {
  readonly environment: string;
  readonly pullRequest: PullRequest;
  /** What the head shows, and since when (ms since 1970). */
  readonly evidence: Digest;
  readonly shownAt: number;
  /** What the ledger holds of this request: commands stand there alone. */
  readonly said: readonly Approval[];
}

/**
 * Who agrees on the forge to what a promotion pull request shows: by a label that was put there since its head came, or
 * by a review of that head. Permissions are read now, whenever the approval was given (law 10).
 */
export async function findApprovals(ports: ApprovalPorts, order: ApprovalOrder): Promise<Answer<readonly Voter[]>> {
  const { number, labels } = order.pullRequest;
  const [events, reviews] = await Promise.all([ports.forge.labelEvents(number), ports.forge.reviews(number)]);
  if (events.kind !== "ok") return events;
  if (reviews.kind !== "ok") return reviews;
  const label = `approve:${order.environment}`;
  const given = [
    ...(labels.includes(label) ? byLabel(events.value, label, order) : []),
    ...byReview(reviews.value, order),
    ...byCommand(order),
  ];
  const voters: Voter[] = [];
  for (const { person, approval } of given) {
    const login = await loginNow(ports, { person, approval });
    const may = login.kind === "ok" ? await ports.mayApprove(login.value) : login;
    if (may.kind !== "ok" && may.kind !== "not-found") return may;
    voters.push({ approval, allowed: may.kind === "ok" && may.value, bot: person.bot });
  }
  return { kind: "ok", value: voters };
}

interface Given {
  readonly person: Person;
  readonly approval: Approval;
}

/**
 * What whoever agreed is called now. The forge has just named them, but for a command: the ledger has the login of that
 * day, which may be another account's by now. Nobody agrees for an account that is not there any more.
 */
async function loginNow({ forge }: ApprovalPorts, { person, approval: { by, cause } }: Given): Promise<Answer<string>> {
  if (!cause.startsWith(COMMAND)) return { kind: "ok", value: person.login };
  return by.id === null ? { kind: "not-found" } : forge.loginOf(by.id);
}

/** The forge dates by whole seconds, and so does a commit: a label of the head's own second is not older than it. */
function byLabel(events: readonly LabelEvent[], label: string, order: ApprovalOrder): readonly Given[] {
  const last = events.findLast((event) => event.label === label);
  if (last?.added !== true) return [];
  const cause = `label:${last.id}`;
  // Who may push can date a head as they like: what the ledger has of a label stays what it was given for.
  const known = order.said.find((one) => one.cause === cause);
  const evidence = Date.parse(last.at) < order.shownAt ? null : (known ?? order).evidence;
  return [givenBy(last.actor, { at: last.at, cause }, evidence)];
}

function byReview(reviews: readonly Review[], order: ApprovalOrder): readonly Given[] {
  const newest = new Map<number, Review>();
  for (const review of reviews) if (review.state !== "commented") newest.set(review.author.id, review);
  return [...newest.values()]
    .filter(({ state, commit }) => state === "approved" && commit === order.pullRequest.head.sha)
    .map(({ author, at, id }) => givenBy(author, { at, cause: `review:${id}` }, order.evidence));
}

const COMMAND = "comment:";

/** A command was recorded with what the page showed to whoever wrote it. */
function byCommand({ said }: ApprovalOrder): readonly Given[] {
  return said
    .filter(({ cause }) => cause.startsWith(COMMAND))
    .map((approval) => ({ person: { id: approval.by.id ?? 0, login: approval.by.login, bot: false }, approval }));
}

function givenBy(
  person: Person,
  { at, cause }: { readonly at: string; readonly cause: string },
  /** Null: given for a head before this one. */
  evidence: Digest | null,
): Given {
  return { person, approval: { by: { id: person.id, login: person.login }, at, evidence, cause } };
}
