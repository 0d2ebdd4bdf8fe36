import { planMergeGroup, planPullRequest } from "../../controller/plan-pull-request.ts";
import { mayMendItself, pinsOf, SKIP_LABEL, type MergePlan, type PullRequestPlan } from "../../controller/project.ts";
import { reportPullRequest } from "../../controller/report-pull-request.ts";
import { chooseBaseline } from "../../diff/baseline.ts";
import type { Desired } from "../../forge/desired.ts";
import type { RunSummary } from "../../index/history.ts";
import type { RepositoryRef } from "../../identity/repository.ts";
import { answersFor } from "./answers.ts";
import { again, DONE, wake, type At, type Reported } from "./at.ts";
import { minimizeBells } from "./bell.ts";
import type { ForgeRepository } from "./forge-repository.ts";
import { keepSeen, seenTable } from "./seen.ts";
import { leaveHead, shareChecks } from "./shared-heads.ts";
import { acceptAndEnqueue, askToStop, LOOK_AGAIN_MS, ordersFor, progressOf, stopAll } from "../run/orders.ts";
import { plotsOf } from "../run/plots.ts";
import { failureEvidence, NO_EVIDENCE } from "../run/failure-evidence.ts";
import type { Performed } from "../../queue/queue.ts";
import type { EndedRun, OpenRun } from "../../report/sticky-run.ts";
import { headRequest } from "../../run/head-request.ts";
import { ACCEPTED, orderOf, type RunOrder } from "../../run/request.ts";
import { acceptedAfter } from "../../run/turn.ts";
import type { Trigger } from "../../trigger/trigger.ts";
import { desire } from "../../worker.ts";

/** Another controller is at the same pull request. */
const TURN_AGAIN_MS = 1_000;

/** Commits of the first-parent line among which a baseline is looked for. */
const ANCESTORS = 500;

/**
 * Brings the cockpit of one pull request to what git and the ledger say; `over` where it is closed. One after the
 * other, in all controllers: of two at once the one that looked first could speak last, and what it saw would stay.
 */
export function reportOpen(at: At, ref: RepositoryRef, number: number): Promise<Reported> {
  const name = `${ref.id}-${number}`;
  return at.reports(name, async (begun) => {
    const reported = await at.inTurn(name, (lost) => {
      begun();
      return reportNow(at, ref, { number, lost });
    });
    return reported ?? again(TURN_AGAIN_MS);
  });
}

async function reportNow(
  at: At,
  ref: RepositoryRef,
  { number, lost }: { readonly number: number; readonly lost: AbortSignal },
): Promise<Reported> {
  const repository = await at.service.repository(ref);
  const also = [at.service.parts.ledger, `${ACCEPTED}*`];
  const planned = await planPullRequest({ ...repository, also }, number);
  repository.save();
  switch (planned.kind) {
    case "over":
      if ((await stopAll(at, repository, { number, why: "superseded" })) === "later") return again(LOOK_AGAIN_MS);
      await at.queue.table.remove(seenTable(ref), String(number));
      await leaveHead(at.queue, ref, number);
      return "over";
    case "again":
      return again(planned.afterMs, planned.why);
    case "planned": {
      const { plan } = planned;
      await repository.history.sync();
      const orders = ordersFor(await at.service.open(repository, plan.refs), number);
      const started = await startAsDeclared(at, repository, { plan, orders });
      await minimizeBells(at, ref, { number, head: plan.head });
      const states = await statesOf(at, repository, { plan, orders: [...orders, ...started] });
      // Somebody else may have looked since, and seen more.
      if (lost.aborted) return again(TURN_AGAIN_MS);
      const { head, domain } = plan;
      const base = plan.pullRequest.base.branch;
      const shared = await shareChecks(at.queue, ref, { number, head, base, domain }, states);
      await desire(at.queue, ref.installation, shared, ref);
      await keepSeen(at.queue, ref, plan);
      await wake(at, { kind: "promotions", repository: ref });
      return DONE;
    }
  }
}

/** A merge queue waits for the check of its own commit; there is no comment to keep. */
export async function reportMergeGroup(at: At, trigger: Extract<Trigger, { kind: "merge-group" }>): Promise<Performed> {
  const repository = await at.service.repository(trigger.repository);
  const group = await planMergeGroup(repository, trigger);
  repository.save();
  if (group.kind === "again") return again(group.afterMs, group.why);
  if (group.kind === "over") return DONE;
  const { plan } = group;
  const texts = await textsOf(plan);
  const states = reportPullRequest({
    ...plan,
    number: 0,
    baseBranch: "the queue",
    runs: [],
    open: [],
    evidence: () => NO_EVIDENCE,
    plots: () => [],
    text: (path) => texts.get(path),
    slots: at.service.parts.slots,
    labels: [],
    answers: [],
    shown: [],
  }).filter(({ kind }) => kind === "check");
  await desire(at.queue, trigger.repository.installation, states, trigger.repository);
  await at.queue.table.put(groupsTable(trigger.repository), trigger.head, true);
  return DONE;
}

/** Files in which problems stand, for their code frames. */
async function textsOf({ problems, planned }: MergePlan): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const { at: place } of problems) {
    const bytes = texts.has(place.path) ? undefined : await planned.project.view.read(place.path);
    if (bytes !== undefined) texts.set(place.path, new TextDecoder().decode(bytes));
  }
  return texts;
}

interface Seen {
  readonly plan: PullRequestPlan;
  readonly orders: readonly RunOrder[];
}

/** `pull_request: run`: each head is run once, without anybody asking; strangers' never. */
async function startAsDeclared(
  at: At,
  repository: ForgeRepository,
  { plan, orders }: Seen,
): Promise<readonly RunOrder[]> {
  const { pullRequest, domain } = plan;
  if (domain !== "pr" || pullRequest.draft || pullRequest.labels.includes(SKIP_LABEL)) return [];
  if (plan.rules.unreadable !== undefined || mayMendItself(plan)) return [];
  const started: RunOrder[] = [];
  for (const { file, order: work, datasets } of plan.affected) {
    if (work === null || file.pipeline.triggers.pullRequest !== "run") continue;
    const request = requestOf(repository, { plan, orders }, file.pipeline.id);
    if (request === null) continue;
    const { forge } = repository;
    const order = orderOf(file.pipeline, {
      repository: String(forge.repository.id),
      source: plan.head,
      request,
      plan: work.digest,
      domain,
      branch: pullRequest.head.branch,
      pullRequest: pullRequest.number,
      requestedBy: null,
      acceptedAt: acceptedAfter(forge.date() ?? at.service.parts.clock.now(), [...orders, ...started]),
      pins: pinsOf(datasets),
    });
    if ((await acceptAndEnqueue(at, repository, order)).kind === "accepted") started.push(order);
  }
  return started;
}

/** What runs a pipeline at the head by itself; null where it ran, or is about to. */
function requestOf({ history }: ForgeRepository, { plan, orders }: Seen, pipeline: string): string | null {
  const { number } = plan.pullRequest;
  const there = history.runs({ pipeline, source: plan.head }).filter((run) => run.pullRequest === number);
  const request = headRequest(number, there);
  const open = orders.filter((order) => order.pipeline === pipeline && order.source === plan.head);
  // What is under way was asked for by somebody, or is this very run: what is begun anew waits for its end.
  const known = open.some((order) => order.request === request || there.length > 0);
  return known ? null : request;
}

async function statesOf(at: At, repository: ForgeRepository, { plan, orders }: Seen): Promise<readonly Desired[]> {
  const open = orders.filter((order) => order.source === plan.head);
  // A push supersedes what was asked for the head before it.
  for (const order of orders) if (order.source !== plan.head) await askToStop(at, order.id, "superseded");
  const texts = await textsOf(plan);
  const runs = await runsAt(repository, plan);
  const evidence = await failureEvidence(
    at,
    runs.map((run) => run.record),
    () => Promise.resolve(plan.planned),
  );
  const plots = await plotsOf(at, {
    runs: runs.map((run) => run.record),
    pipelines: plan.affected.map(({ file }) => file.pipeline),
  });
  const { number } = plan.pullRequest;
  const { words, shown } = await answersFor(at, repository.forge.repository, { number, head: plan.head });
  return reportPullRequest({
    number,
    head: plan.head,
    onto: plan.onto,
    baseBranch: plan.pullRequest.base.branch,
    affected: plan.affected,
    unchanged: plan.unchanged,
    removed: plan.removed,
    problems: plan.problems,
    digest: plan.digest,
    runs: runs.filter(({ record }) => !open.some((order) => order.pipeline === record.pipeline.id)),
    open: await Promise.all(open.map((order) => openRunOf(at, order))),
    evidence,
    plots: (run) => plots.get(run.id) ?? [],
    text: (path) => texts.get(path),
    slots: at.service.parts.slots,
    rules: plan.rules,
    proposed: plan.proposed,
    changesRules: plan.changesRules,
    domain: plan.domain,
    labels: plan.pullRequest.labels,
    answers: words,
    shown,
  });
}

/** An accepted run with how far whoever executes it has got. */
export async function openRunOf(at: At, { id, pipeline }: RunOrder): Promise<OpenRun> {
  const value = await progressOf(at, id);
  if (value === undefined) return { run: id, pipeline, progress: null };
  const { done, total, began, running = [] } = value;
  return { run: id, pipeline, progress: { done, total, running, began: new Date(began).toISOString() } };
}

/** The newest recorded run of each pipeline at the head, with the run of the base that it is compared with. */
async function runsAt({ history, mirror }: ForgeRepository, plan: PullRequestPlan): Promise<readonly EndedRun[]> {
  const { number } = plan.pullRequest;
  const mine = new Map<string, RunSummary>();
  // Asked once: most of a thousand pipelines did not run here.
  for (const run of history.runs({ source: plan.head }))
    if (run.trigger !== "push" && run.pullRequest === number && !mine.has(run.pipeline)) mine.set(run.pipeline, run);
  const found: EndedRun[] = [];
  let ancestors: Awaited<ReturnType<typeof mirror.firstParents>> | undefined;
  for (const { file } of plan.planned.planned) {
    const run = mine.get(file.pipeline.id);
    const record = run === undefined ? undefined : await history.readable(run.id);
    if (record === undefined) continue;
    ancestors ??= await mirror.firstParents(plan.base, ANCESTORS);
    const base = chooseBaseline(history.runs({ pipeline: file.pipeline.id }), ancestors);
    found.push({ record, baseline: base === undefined ? null : ((await history.readable(base)) ?? null) });
  }
  return found;
}

/** Commits of merge queues that were reported. */
export function groupsTable({ id }: RepositoryRef): string {
  return `groups/${id}`;
}
