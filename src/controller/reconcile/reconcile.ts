import type { CommitSha } from "../../identity/identity.ts";
import { isError, type Problem } from "../../problem/problem.ts";
import { OFFLINE } from "../../release/offline.ts";
import { REPRODUCTIONS } from "../../release/reproduction.ts";
import { MERGE_GROUPS, mergeGroupsOf, type MergeGroup } from "../../run/merge-group.ts";
import { ACCEPTED, type RunOrder } from "../../run/request.ts";
import { settingsErrors, type PlannedCommit } from "../project.ts";
import { lookAtClocks, lookUpstream } from "./clocks.ts";
import type { Later, Looking, ReconcilePorts, Standing } from "./looking.ts";
import { lookAtOtherBranches, lookAtPushes } from "./pushes.ts";

/** What looking at a repository led to. */
export type Reconciled =
  | {
      readonly kind: "looked";
      readonly branch: string;
      readonly tip: CommitSha;
      /** Runs that were accepted just now, and those that already were and must still end. */
      readonly started: readonly RunOrder[];
      readonly open: readonly RunOrder[];
      /** Pipelines that a push to a tip concerns and that do not run there. */
      readonly standing: readonly Standing[];
      /** Errors in the settings there, because of which nothing is started. */
      readonly stopped: readonly Problem[];
      /** All errors there, for which single pipelines are not started. */
      readonly problems: readonly Problem[];
      /** Refs of the remote as they were when it was looked at. */
      readonly refs: ReadonlyMap<string, CommitSha>;
      /** What waits in merge queues. */
      readonly groups: readonly MergeGroup[];
    }
  | { readonly kind: "empty" }
  | Later;

/**
 * Brings a repository to what its branches and clocks say: what is due is accepted, and what is accepted and not
 * recorded is handed to the queue. Any wake-up does the same; missing one changes nothing (law 2).
 */
export async function reconcile(ports: ReconcilePorts): Promise<Reconciled> {
  const about = await ports.forge.about();
  if (about.kind !== "ok")
    return { kind: "again", afterMs: 30_000, why: about.kind === "not-found" ? "the repository is gone" : about.why };
  const branch = about.value.defaultBranch;
  const refs = [`refs/heads/${branch}`, ports.ledger, `${ACCEPTED}*`, `${OFFLINE}*`, `${REPRODUCTIONS}*`, MERGE_GROUPS];
  const refreshed = await ports.mirror.refresh([...new Set([...refs, ...(ports.also ?? [])])]);
  if (refreshed.kind !== "ok") return { kind: "again", afterMs: 10_000, why: refreshed.why };
  const mended = await ports.mend();
  if (mended !== undefined) return mended;
  await ports.history.sync();
  const open = [...(await ports.openOrders(refreshed.refs)), ...(await acceptedAgain(ports, refreshed.refs))];
  const tip = refreshed.refs.get(`refs/heads/${branch}`);
  const looking: Looking = { ports, defaultBranch: branch, open, started: [], standing: [] };
  const commit =
    tip === undefined
      ? undefined
      : await ports.planAt({ commit: tip, tree: null, domain: "main", against: null, judged: () => false });
  const stopped = commit === undefined ? [] : settingsErrors(commit.project);
  // Without them nobody knows what deploys and is started by releases alone, or what must wait for a person.
  if (tip !== undefined && commit !== undefined && stopped.length === 0) {
    const pushed = await lookAtPushes(looking, { branch, tip, commit });
    if (pushed !== undefined) return pushed;
    await lookAtOtherBranches(looking, commit);
    await lookAtClocks(looking, { branch, tip, commit });
    await lookUpstream(looking, { branch, tip, commit });
  }
  for (const order of [...open, ...looking.started]) await ports.enqueue(order);
  if (tip === undefined) return { kind: "empty" };
  const { started, standing } = looking;
  const groups = mergeGroupsOf(refreshed.refs);
  const problems = commit === undefined ? [] : errorsOf(commit);
  return { kind: "looked", branch, tip, started, open, standing, stopped, problems, refs: refreshed.refs, groups };
}

function errorsOf({ project, planned }: PlannedCommit): readonly Problem[] {
  return [...project.problems, ...planned.flatMap(({ problems }) => problems)].filter(isError);
}

/** What somebody deleted is accepted once more, so that every controller knows of it. */
async function acceptedAgain(
  { lostOrders, accept }: Pick<ReconcilePorts, "lostOrders" | "accept">,
  refs: ReadonlyMap<string, CommitSha>,
): Promise<readonly RunOrder[]> {
  const again: RunOrder[] = [];
  for (const order of await lostOrders(refs)) if (await accept(order)) again.push(order);
  return again;
}
