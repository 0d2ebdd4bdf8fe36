import type { CommitSha, Domain, RunId } from "../identity/identity.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { slotOf } from "./schedule-slots.ts";

/** Whether an accepted run may begin, by what else is accepted and has not ended (SEMANTICS §6). */
export type Turn =
  | { readonly kind: "now" }
  | { readonly kind: "wait"; readonly behind: RunId }
  /** It ends without being executed, or is stopped: a newer one says more. */
  | { readonly kind: "superseded"; readonly by: RunId };

/** What of an accepted run says when it may begin (run/request.ts has the whole order). */
interface Waiting {
  readonly id: RunId;
  readonly group: string;
  readonly keep: "latest" | "all";
  readonly lane: string;
  readonly request: string;
  readonly source: CommitSha;
  readonly acceptedAt: string;
  readonly pullRequest: number | null;
  readonly domain: Domain;
}

/** Runs of one lane are about the same thing: a branch's pipeline, or a pull request's. */
export function laneOf(
  pipeline: string,
  { branch, pullRequest }: { readonly branch: string | null; readonly pullRequest: number | null },
): string {
  return pullRequest === null ? `${pipeline}@${branch ?? ""}` : `${pipeline}#${pullRequest}`;
}

/** Runs of one group go one after another: those of a lane, or all of a `concurrency:` group. */
export function groupOf(
  concurrency: Pipeline["concurrency"],
  lane: string,
): { readonly group: string; readonly keep: "latest" | "all" } {
  return concurrency === null
    ? { group: lane, keep: "latest" }
    : { group: `group:${concurrency.group}`, keep: concurrency.keep };
}

/**
 * The oldest of a group is active, the rest wait; of those that wait for the same reason only the newest is kept.
 * A pull request's newer head supersedes the active run too. A pure function of what is accepted: every controller
 * comes to the same answer, and no memory is needed.
 */
export function turnOf(run: Waiting, open: readonly Waiting[]): Turn {
  const newer = supersededBy(run, open);
  if (newer !== undefined) return { kind: "superseded", by: newer.id };
  const [first] = inOrder(open.filter((one) => one.group === run.group && supersededBy(one, open) === undefined));
  return first === undefined || first.id === run.id ? { kind: "now" } : { kind: "wait", behind: first.id };
}

/**
 * When a run is accepted: now (ms since 1970), but after all that are open. A forge tells the time in seconds, and of two
 * within one of them the older would as likely be taken for the newer, and supersede it.
 */
export function acceptedAfter(now: number, open: readonly Pick<Waiting, "acceptedAt">[]): string {
  const last = open.reduce((latest, { acceptedAt }) => Math.max(latest, Date.parse(acceptedAt) || 0), 0);
  return new Date(last >= now ? last + 1 : now).toISOString();
}

function inOrder(orders: readonly Waiting[]): readonly Waiting[] {
  return orders.toSorted((a, b) => (isNewer(a, b) ? 1 : -1));
}

function isNewer(a: Waiting, b: Waiting): boolean {
  return a.acceptedAt === b.acceptedAt ? a.id > b.id : a.acceptedAt > b.acceptedAt;
}

function supersededBy(run: Waiting, open: readonly Waiting[]): Waiting | undefined {
  const newer = inOrder(open.filter((one) => one.lane === run.lane && isNewer(one, run)));
  const moved = newer.findLast((one) => isOfPullRequest(run) && one.source !== run.source);
  if (moved !== undefined) return moved;
  if (run.keep === "all" || isFirst(run, open)) return undefined;
  return newer.findLast((one) => familyOf(one) === familyOf(run));
}

/** The oldest of its group is the active one, and what is under way on a branch is taken to its end. */
function isFirst(run: Waiting, open: readonly Waiting[]): boolean {
  return open.every((one) => one.group !== run.group || one.id === run.id || isNewer(one, run));
}

function isOfPullRequest({ domain, pullRequest }: Waiting): boolean {
  return domain !== "main" && pullRequest !== null;
}

/** What a person asked for on a branch is never superseded; automation of one kind supersedes itself. */
function familyOf(run: Waiting): string {
  if (isOfPullRequest(run)) return "pull-request";
  const slot = slotOf(run.request);
  if (slot !== undefined) return `schedule:${slot.cron}`;
  const [word = ""] = run.request.split(":", 1);
  return word === "push" || word === "upstream" ? word : run.request;
}
