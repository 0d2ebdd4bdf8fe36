import type { Answer, Forge, PullRequest } from "../forge/forge.ts";
import type { Mirror } from "../git/mirror.ts";
import type { CommitSha } from "../identity/identity.ts";
import type { Person } from "../identity/repository.ts";
import type { Live, Standing } from "../release/environment-state.ts";
import type { ReleaseEvent } from "../release/release-event.ts";
import { parsePin, pinPath, type Pin } from "../release/release.ts";
import { isNotNow, type Unanswered } from "../forge/looked.ts";

export interface RevertPorts {
  readonly forge: Pick<Forge, "pullRequestsOf" | "pullRequest" | "enqueuedBy">;
  readonly mirror: Pick<Mirror, "firstParents" | "file" | "log">;
  /** Whether an account may roll back at this moment. */
  readonly mayRollBack: (login: string) => Promise<Answer<boolean>>;
}

export interface RevertOrder extends Pick<Pin, "environment" | "pipeline"> {
  readonly standing: Standing;
  /** What the ledger counted already. */
  readonly events: readonly ReleaseEvent[];
  /** The default branch, its tip, and what the pin is there. */
  readonly branch: string;
  readonly tip: CommitSha;
  readonly pin: string;
  /** RFC 3339 UTC, from the forge's clock. */
  readonly at: string;
}

export type Reverted =
  /** A pin of what was live before, merged by somebody who may roll back. */
  | { readonly kind: "rolled-back"; readonly event: ReleaseEvent }
  /** The pin is of something else, or came in another way: drift, with the reason where there is more to say. */
  | { readonly kind: "drift"; readonly why: string | null }
  | { readonly kind: "later"; readonly answer: Unanswered };

/** First-parent commits among which the one has to be that brought the pin. */
const REACH = 200;

/**
 * Whether somebody rolled back by hand: the pin is that of a release that was live before, it came by a pull request
 * after what is live now, and whoever merged that may roll back (SEMANTICS §11).
 */
export async function findRevert(ports: RevertPorts, order: RevertOrder): Promise<Reverted> {
  const { standing, environment, pipeline } = order;
  const written = parsePin(order.pin);
  const target = standing.earlier.find(({ run }) => run === written?.run);
  if (target === undefined || written?.environment !== environment || written.pipeline !== pipeline)
    return { kind: "drift", why: null };
  const commit = await broughtBy(ports, order);
  if (commit === undefined) return { kind: "drift", why: null };
  const pull = await mergeOf(ports, order, commit);
  if (pull.kind !== "ok")
    return pull.kind === "not-found" ? { kind: "drift", why: PUSHED } : { kind: "later", answer: pull };
  const { number } = pull.value;
  if (isCounted(order, { commit, number })) return { kind: "drift", why: null };
  const asked = await personOf(ports, pull.value);
  if (asked.kind !== "ok") return { kind: "later", answer: asked };
  const by = asked.value;
  if (by === null || by.bot) return { kind: "drift", why: PUSHED };
  const may = await ports.mayRollBack(by.login);
  if (isNotNow(may)) return { kind: "later", answer: may };
  if (may.kind !== "ok" || !may.value)
    return {
      kind: "drift",
      why: `pull request ${number} brings an earlier release back, and ${by.login} may not roll back`,
    };
  return { kind: "rolled-back", event: rolledBack(order, { target, commit, pull: pull.value, by }) };
}

const PUSHED = "it brings an earlier release back, and no pull request that a person merged brought it there";

/** A release that the ledger holds is no revert, whenever the clock of an offline rollback says that this was made. */
function isCounted(
  { events, environment, pipeline }: RevertOrder,
  { commit, number }: { readonly commit: CommitSha; readonly number: number },
): boolean {
  return events.some(
    (event) =>
      event.environment === environment &&
      event.pipeline === pipeline &&
      (event.cause === `merge:${commit}` || (event.kind === "released" && event.pullRequest === number)),
  );
}

/** A merge queue merges in a name of its own what somebody put there. */
async function personOf({ forge }: RevertPorts, { number, mergedBy }: PullRequest): Promise<Answer<Person | null>> {
  return mergedBy?.bot === true ? forge.enqueuedBy(number) : { kind: "ok", value: mergedBy };
}

/** The commit since what is live came by which the pin is what it is. */
async function broughtBy(
  { mirror }: RevertPorts,
  { tip, pin, standing, environment, pipeline }: RevertOrder,
): Promise<CommitSha | undefined> {
  const path = pinPath({ environment, pipeline });
  const line = await mirror.firstParents(tip, REACH);
  let brought: CommitSha | undefined;
  for (const commit of line) {
    const bytes = await mirror.file(commit, path);
    if (bytes === undefined || new TextDecoder().decode(bytes) !== pin) break;
    brought = commit;
  }
  const parent = brought === undefined ? undefined : line[line.indexOf(brought) + 1];
  if (brought === undefined || parent === undefined) return undefined;
  const [{ time } = { time: 0 }] = await mirror.log(brought, parent);
  const since = Date.parse(standing.live?.since ?? "");
  return time >= Math.floor(since / 1_000) ? brought : undefined;
}

async function mergeOf(
  { forge }: RevertPorts,
  { branch }: RevertOrder,
  commit: CommitSha,
): Promise<Answer<PullRequest>> {
  const found = await forge.pullRequestsOf(commit);
  if (found.kind !== "ok") return found;
  const merged = found.value.find((pull) => pull.merged && pull.base.branch === branch);
  return merged === undefined ? { kind: "not-found" } : forge.pullRequest(merged.number);
}

function rolledBack(
  { environment, pipeline, at }: RevertOrder,
  {
    target,
    commit,
    pull,
    by,
  }: {
    readonly target: Live;
    readonly commit: CommitSha;
    readonly pull: PullRequest;
    readonly by: { readonly id: number; readonly login: string };
  },
): ReleaseEvent {
  return {
    kind: "rolled-back",
    environment,
    pipeline,
    run: target.run,
    evidence: null,
    by: { id: by.id, login: by.login },
    cause: `merge:${commit}`,
    at,
    reason: `by the revert in #${pull.number}`,
    pullRequest: pull.number,
    deployment: null,
    revokes: null,
  };
}
