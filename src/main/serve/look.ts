import { reportStopped } from "../../controller/report-commit.ts";
import { reconcile } from "../../controller/reconcile/reconcile.ts";
import type { CommitSha } from "../../identity/identity.ts";
import type { RepositoryRef } from "../../identity/repository.ts";
import { again, DONE, wake, type At } from "./at.ts";
import { wakeForComments } from "./comments.ts";
import { takeReproductions } from "../release/reproductions.ts";
import { keepProblems, mergeOf, tellCommit } from "./commit.ts";
import type { ForgeRepository } from "./forge-repository.ts";
import { noteLabels } from "./labels.ts";
import { mendLedger } from "./ledger.ts";
import { tellDrift, tellNotices } from "./notices.ts";
import { enqueueRun } from "../run/orders.ts";
import { groupsTable } from "./pull-request.ts";
import { tellRefusedPushes } from "./refused-pushes.ts";
import { tellSchedules } from "./schedules.ts";
import { wakeForMovedBases, wakeForPullRequests } from "./seen.ts";
import { tellStrays } from "./strays.ts";
import type { Schedule } from "../../pipeline/pipeline.ts";
import type { Performed } from "../../queue/queue.ts";
import type { MergeGroup } from "../../run/merge-group.ts";
import { cronOf } from "../../run/schedule-slots.ts";
import { CONTROLLER_QUEUE, jobOf } from "../../trigger/job.ts";
import { desire } from "../../worker.ts";

/** Recorded commits that are told of again: whatever a crash left unsaid. */
const TOLD_AGAIN = 5;

/** Looks at a repository as everything that wakes us does; answers how many runs it started. */
export async function look(
  at: At,
  ref: RepositoryRef,
  released: { readonly commit: CommitSha; readonly by: string } | null = null,
): Promise<Performed & { readonly started?: number }> {
  // Two at once could each accept one slot of a schedule at another tip.
  const lease = await at.queue.leases.acquire(`look-${ref.id}`, { ttlMs: 30_000, holder: String(process.pid) });
  if (lease === undefined) return again(500);
  try {
    return await lookAlone(at, ref, released);
  } catch (error) {
    // It may be what was pushed to the ledger that ends a look, and people mend what they are told of.
    await at.service
      .repository(ref)
      .then((repository) => tellStrays(at, repository))
      .catch(at.service.parts.onError);
    throw error;
  } finally {
    await lease.release();
  }
}

async function lookAlone(
  at: At,
  ref: RepositoryRef,
  released: { readonly commit: CommitSha; readonly by: string } | null,
): Promise<Performed & { readonly started?: number }> {
  const repository = await at.service.repository(ref);
  const listed = await repository.forge.openPullRequests();
  const pulls = listed.kind === "ok" ? listed.value : [];
  if (listed.kind === "ok") await wakeForPullRequests(at.queue, ref, pulls);
  await wakeForComments(at, repository);
  await noteLabels(at, repository);
  const { parts } = at.service;
  const looked = await reconcile({
    forge: repository.forge,
    mirror: repository.mirror,
    history: repository.history,
    planAt: repository.planAt,
    openOrders: (refs) => at.service.open(repository, refs),
    lostOrders: (refs) => at.service.lost(repository, refs),
    clock: parts.clock,
    ledger: parts.ledger,
    async mend() {
      await at.service.tellNewKey(repository).catch(parts.onError);
      return mendLedger(at, repository);
    },
    accept: async (order) => (await at.service.accept(repository, order)).kind === "accepted",
    enqueue: (order) => enqueueRun(at, ref, order),
    mergeOf: (commit) => mergeOf(at, repository, commit),
    firstSeen: (pipeline, schedule) => firstSeen(at, repository, { pipeline, schedule }),
    released,
    also: pulls.map(({ base }) => `refs/heads/${base.branch}`),
  });
  repository.save();
  await tellRefusedPushes(at, repository, {
    tell: (states) => tellDrift(at, repository, states),
    looked: looked.kind !== "again",
  }).catch(parts.onError);
  // Before promotions are woken: what was reproduced may be what one of them waits for.
  if (looked.kind !== "again") await takeReproductions(at, repository).catch(parts.onError);
  if (looked.kind === "again") return again(looked.afterMs, looked.why);
  if (looked.kind === "empty") return DONE;
  await wakeForMovedBases(
    at.queue,
    { ref, mirror: repository.mirror },
    { open: pulls, refs: looked.refs, branch: looked.branch },
  );
  const seen = { orders: [...looked.open, ...looked.started], branch: looked.branch };
  const recent = repository.history.runs({ limit: TOLD_AGAIN }).map(({ source }) => source);
  const open = seen.orders.filter((order) => order.domain === "main" || order.pullRequest === null);
  const commits = new Set([looked.tip, ...open.map(({ source }) => source), ...recent]);
  await keepProblems(at, repository, {
    commit: looked.tip,
    problems: looked.stopped.length > 0 ? [] : looked.problems,
  });
  for (const commit of commits)
    await tellCommit(at, repository, { commit, standing: looked.standing, seen }).catch(parts.onError);
  if (looked.stopped.length > 0)
    await desire(at.queue, ref.installation, [reportStopped(looked.tip, looked.stopped)], ref);
  await wakeForMergeGroups(at, repository, looked.groups).catch(parts.onError);
  await tellSchedules(at, repository).catch(parts.onError);
  await wake(at, { kind: "promotions", repository: ref });
  await tellNotices(at, repository).catch(parts.onError);
  await tellStrays(at, repository).catch(parts.onError);
  return { kind: "done", started: looked.started.length };
}

/** Wakes us for what waits in merge queues and was not reported: its delivery may be lost, and the queue waits for a check. */
async function wakeForMergeGroups(
  { queue }: At,
  { forge: { repository } }: ForgeRepository,
  groups: readonly MergeGroup[],
): Promise<void> {
  const table = groupsTable(repository);
  const known = new Set((await queue.table.entries(table)).map(({ key }) => key));
  for (const { head, base } of groups)
    if (!known.has(head))
      await queue.jobs.add(CONTROLLER_QUEUE, [jobOf({ kind: "merge-group", repository, head, base }, "seen")]);
  for (const head of known) if (!groups.some((group) => group.head === head)) await queue.table.remove(table, head);
}

/** Lost with the queue: then a schedule that never ran begins to count anew. */
async function firstSeen(
  { queue, service }: At,
  { forge }: ForgeRepository,
  of: { readonly pipeline: string; readonly schedule: Schedule },
): Promise<number> {
  const table = `schedules/${forge.repository.id}`;
  const key = JSON.stringify([of.pipeline, cronOf(of.schedule), of.schedule.timezone]);
  const known = await queue.table.get(table, key);
  if (typeof known === "number") return known;
  const now = forge.date() ?? service.parts.clock.now();
  await queue.table.put(table, key, now);
  return now;
}
