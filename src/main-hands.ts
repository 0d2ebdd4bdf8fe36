import { answerCommand } from "./controller/answer-command.ts";
import { planMergeGroup, planPullRequest } from "./controller/plan-pull-request.ts";
import type { MergePlan, PullRequestPlan } from "./controller/project.ts";
import { openOrders } from "./controller/open-orders.ts";
import { reconcile } from "./controller/reconcile.ts";
import { reportPullRequest, type OpenRun } from "./controller/report-pull-request.ts";
import { sendDesired } from "./controller/send-desired.ts";
import { chooseBaseline } from "./diff/baseline.ts";
import type { Desired } from "./forge/desired.ts";
import type { PullRequest } from "./forge/forge.ts";
import type { RepositoryRef } from "./identity/repository.ts";
import type { ForgeRepository } from "./main-forge-repository.ts";
import { takePromotions } from "./main-promotion-hand.ts";
import { PROGRESS, STOP, takeRun } from "./main-run-hand.ts";
import type { Service } from "./main-service.ts";
import { turns, type InTurn } from "./main-turns.ts";
import type { Performed, Queue } from "./queue/queue.ts";
import type { RunRecord } from "./run/run-record.ts";
import { ACCEPTED, type RunOrder } from "./run/request.ts";
import { parseCommand } from "./trigger/command.ts";
import { CONTROLLER_QUEUE, jobOf } from "./trigger/job.ts";
import type { Trigger } from "./trigger/trigger.ts";
import { desire, QUEUES, runJob, type Hands } from "./worker.ts";

const DONE: Performed = { kind: "done" };
const again = (afterMs: number): Performed => ({ kind: "again", afterMs });
/** Commits of the first-parent line among which a baseline is looked for. */
const ANCESTORS = 500;

/** The doors' hands on a service: each trigger leads to one verb, and what that decides to the queue. */
export function composeHands(service: Service, queue: Queue): Hands {
  const at: At = { service, queue, inTurn: turns() };
  return {
    handle: (trigger) => handle(at, trigger),
    run: (repository, run, signal) =>
      takeRun(at, repository, { ...run, signal }, (number) => report(at, repository, { number, words: [] })),
    async send(installation) {
      // One sender per installation: two would each see no comment and make one.
      const lease = await queue.leases.acquire(`outbox-${installation}`, {
        ttlMs: 60_000,
        holder: String(process.pid),
      });
      if (lease === undefined) return again(1_000);
      try {
        const sent = await sendDesired(
          { table: queue.table, forges: service.parts.forges, clock: service.parts.clock },
          installation,
        );
        return sent.kind === "again" ? again(sent.afterMs) : DONE;
      } finally {
        await lease.release();
      }
    },
  };
}

interface At {
  readonly service: Service;
  readonly queue: Queue;
  readonly inTurn: InTurn;
}

async function handle(at: At, trigger: Trigger): Promise<Performed> {
  switch (trigger.kind) {
    case "pull-request":
      return report(at, trigger.repository, { number: trigger.number, words: [] });
    case "command":
      return command(at, trigger);
    case "recheck":
    case "button":
      return ofCommit(at, trigger.repository, trigger.head);
    case "merge-group":
      return mergeGroup(at, trigger);
    case "reconcile":
      return look(at, trigger.repository);
    case "installation":
      for (const repository of trigger.added)
        await at.queue.jobs.add(CONTROLLER_QUEUE, [
          jobOf({ kind: "reconcile", repository, because: "installed" }, `installed-${repository.id}`),
        ]);
      return DONE;
    default:
      return trigger satisfies never;
  }
}

/**
 * Brings the cockpit of one pull request to what git and the ledger say. One after the other: of two at once the one
 * that looked first could speak last, and what it saw would stay.
 */
function report(
  at: At,
  ref: RepositoryRef,
  about: { readonly number: number; readonly words: readonly string[] },
): Promise<Performed> {
  return at.inTurn(`${ref.id}/${about.number}`, () => reportNow(at, ref, about));
}

async function reportNow(
  at: At,
  ref: RepositoryRef,
  { number, words }: { readonly number: number; readonly words: readonly string[] },
): Promise<Performed> {
  const repository = await at.service.repository(ref);
  const also = [at.service.parts.ledger, `${ACCEPTED}*`];
  const planned = await planPullRequest({ ...repository, also }, number);
  repository.save();
  switch (planned.kind) {
    case "over":
      await at.queue.table.remove(seenTable(ref), String(number));
      return look(at, ref);
    case "again":
      return again(planned.afterMs);
    case "conflict":
      // The forge says so itself, and the next push brings another delivery.
      return DONE;
    case "planned": {
      const states = await statesOf(at, repository, { plan: planned.plan, words });
      await desire(at.queue, ref.installation, states, ref);
      await at.queue.table.put(seenTable(ref), String(number), stampOf(planned.plan.pullRequest));
      return promotions(at, repository);
    }
  }
}

/** A merge queue waits for the check of its own commit; there is no comment to keep. */
async function mergeGroup(at: At, trigger: Extract<Trigger, { kind: "merge-group" }>): Promise<Performed> {
  const repository = await at.service.repository(trigger.repository);
  const plan = await planMergeGroup(repository, trigger);
  repository.save();
  if (plan === undefined) return DONE;
  const texts = await textsOf(plan);
  const states = reportPullRequest({
    ...plan,
    number: 0,
    baseBranch: "the queue",
    runs: [],
    open: [],
    tail: () => [],
    text: (path) => texts.get(path),
    slots: at.service.parts.slots,
    answers: [],
  }).filter(({ kind }) => kind === "check");
  await desire(at.queue, trigger.repository.installation, states, trigger.repository);
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

async function statesOf(
  at: At,
  repository: ForgeRepository,
  { plan, words }: { readonly plan: PullRequestPlan; readonly words: readonly string[] },
): Promise<readonly Desired[]> {
  const { history } = repository;
  const all = await openOrders(repository.mirror, plan.refs);
  const orders = all.filter((order) => order.pullRequest === plan.pullRequest.number);
  const open = orders.filter((order) => order.source === plan.head);
  // A push supersedes what was asked for the head before it.
  for (const order of orders) if (order.source !== plan.head) await askToStop(at, order.id, "superseded");
  await history.sync();
  const texts = await textsOf(plan);
  const runs = await runsAt(repository, plan);
  const tails = await tailsOf(
    at,
    runs.map((run) => run.record),
  );
  return reportPullRequest({
    number: plan.pullRequest.number,
    head: plan.head,
    onto: plan.onto,
    baseBranch: plan.pullRequest.base.branch,
    affected: plan.affected,
    unchanged: plan.unchanged,
    removed: plan.removed,
    problems: plan.problems,
    digest: plan.digest,
    runs: runs.filter(({ record }) => !open.some((order) => order.pipeline === record.pipeline.id)),
    open: await Promise.all(open.map((order) => openRun(at, order))),
    tail: (run, step) => tails.get(`${run.id}/${step}`) ?? [],
    text: (path) => texts.get(path),
    slots: at.service.parts.slots,
    rules: plan.rules,
    proposed: plan.proposed,
    domain: plan.domain,
    answers: words,
  });
}

/** Accepted runs of a pull request that are not recorded, by a fresh look at the remote. */
async function ordersOf(at: At, { mirror }: ForgeRepository, number: number): Promise<readonly RunOrder[]> {
  const refreshed = await mirror.refresh([at.service.parts.ledger, `${ACCEPTED}*`]);
  if (refreshed.kind !== "ok") return [];
  return (await openOrders(mirror, refreshed.refs)).filter((order) => order.pullRequest === number);
}

/** A hint like all others: a run that nobody executes any more is recorded by the next who takes it up. */
async function askToStop({ queue }: At, run: RunOrder["id"], why: "cancelled" | "superseded"): Promise<void> {
  await queue.table.put(STOP, run, why);
}

async function openRun({ queue, service }: At, { id, pipeline }: RunOrder): Promise<OpenRun> {
  const value = (await queue.table.get(PROGRESS, id)) as { done: number; total: number; began: number } | undefined;
  if (value === undefined) return { run: id, pipeline, progress: null };
  const { done, total, began } = value;
  return { run: id, pipeline, progress: { done, total, sinceMs: service.parts.clock.now() - began } };
}

/** The newest recorded run of each pipeline at the head, with the run of the base that it is compared with. */
async function runsAt(
  { history, mirror }: ForgeRepository,
  plan: PullRequestPlan,
): Promise<readonly { readonly record: RunRecord; readonly baseline: RunRecord | null }[]> {
  const found: { record: RunRecord; baseline: RunRecord | null }[] = [];
  let ancestors: Awaited<ReturnType<typeof mirror.firstParents>> | undefined;
  for (const { file } of plan.planned.planned) {
    const all = history.runs({ pipeline: file.pipeline.id });
    const mine = all.find((run) => run.source === plan.head && run.trigger !== "push");
    const record = mine === undefined ? undefined : await history.record(mine.id);
    if (record?.pullRequest !== plan.pullRequest.number) continue;
    ancestors ??= await mirror.firstParents(plan.base, ANCESTORS);
    const base = chooseBaseline(all, ancestors);
    found.push({ record, baseline: base === undefined ? null : ((await history.record(base)) ?? null) });
  }
  return found;
}

const TAIL_LINES = 20;

async function tailsOf(
  { service }: At,
  records: readonly RunRecord[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const tails = new Map<string, readonly string[]>();
  for (const record of records) {
    for (const step of record.steps) {
      const log = step.attempts.at(-1)?.log;
      if (step.outcome.kind !== "failed" || log === null || log === undefined) continue;
      const bytes = await service.parts.store.read(log);
      if (bytes === undefined) continue;
      const lines = new TextDecoder().decode(bytes.subarray(-16_384)).trimEnd().split("\n");
      tails.set(`${record.id}/${step.name}`, lines.slice(-TAIL_LINES));
    }
  }
  return tails;
}

async function command(at: At, trigger: Extract<Trigger, { kind: "command" }>): Promise<Performed> {
  const repository = await at.service.repository(trigger.repository);
  const { forge } = repository;
  const answered = await answerCommand(
    {
      forge,
      clock: at.service.parts.clock,
      async plan() {
        const planned = await planPullRequest(repository, trigger.number);
        return planned.kind === "planned" ? planned.plan : undefined;
      },
      rules: () => repository.rules(),
      async accept(order) {
        const accepted = await at.service.accept(repository, order);
        return accepted === "recorded" ? "known" : accepted === "accepted" ? "accepted" : "later";
      },
      enqueue: (order) => at.queue.jobs.add(QUEUES.runs, [runJob(trigger.repository, order)]),
      async cancel() {
        const orders = await ordersOf(at, repository, trigger.number);
        for (const order of orders) await askToStop(at, order.id, "cancelled");
        return orders.length;
      },
    },
    trigger,
    parseCommand(trigger.text),
  );
  if (answered.again !== null) return again(answered.again);
  await desire(at.queue, trigger.repository.installation, answered.states, trigger.repository);
  return report(at, trigger.repository, { number: trigger.number, words: answered.words });
}

async function ofCommit(at: At, ref: RepositoryRef, head: PullRequestPlan["head"]): Promise<Performed> {
  const repository = await at.service.repository(ref);
  const asked = await repository.forge.pullRequestsOf(head);
  if (asked.kind !== "ok") return asked.kind === "not-found" || asked.kind === "refused" ? DONE : again(5_000);
  for (const { number, state } of asked.value) if (state === "open") await report(at, ref, { number, words: [] });
  return look(at, ref);
}

/**
 * Wakes us for open pull requests whose head, base or labels are not those of the last report: whatever a lost
 * delivery would have said, the forge still shows.
 */
async function wakeForPullRequests(at: At, { forge }: ForgeRepository): Promise<void> {
  const open = await forge.openPullRequests();
  if (open.kind !== "ok") return;
  const { repository } = forge;
  const seen = new Map((await at.queue.table.entries(seenTable(repository))).map(({ key, value }) => [key, value]));
  for (const pullRequest of open.value) {
    const { number } = pullRequest;
    if (seen.get(String(number)) === stampOf(pullRequest)) continue;
    const trigger = { kind: "pull-request", repository, number, action: "seen", sender: null } as const;
    await at.queue.jobs.add(CONTROLLER_QUEUE, [jobOf(trigger, `seen-${number}`)]);
  }
  for (const number of seen.keys())
    if (!open.value.some((one) => String(one.number) === number))
      await at.queue.table.remove(seenTable(repository), number);
}

function seenTable({ id }: RepositoryRef): string {
  return `seen/${id}`;
}

/** What a report of a pull request rests on besides git's own refs. */
function stampOf({ head, base, labels, draft }: PullRequest): string {
  return JSON.stringify([head.sha, base.branch, labels, draft]);
}

async function look(at: At, ref: RepositoryRef): Promise<Performed> {
  const repository = await at.service.repository(ref);
  await wakeForPullRequests(at, repository);
  const looked = await reconcile({
    forge: repository.forge,
    mirror: repository.mirror,
    history: repository.history,
    planAt: repository.planAt,
    openOrders: (refs) => openOrders(repository.mirror, refs),
    clock: at.service.parts.clock,
    ledger: at.service.parts.ledger,
    accept: async (order) => (await at.service.accept(repository, order)) === "accepted",
    enqueue: (order) => at.queue.jobs.add(QUEUES.runs, [runJob(ref, order)]),
  });
  repository.save();
  return looked.kind === "again" ? again(looked.afterMs) : promotions(at, repository);
}

/** One look at a repository's promotions at a time: two would ask for the same pull request. */
async function promotions(at: At, repository: ForgeRepository): Promise<Performed> {
  const { id, installation } = repository.forge.repository;
  const lease = await at.queue.leases.acquire(`promotions-${id}`, { ttlMs: 120_000, holder: String(process.pid) });
  if (lease === undefined) return again(1_000);
  try {
    const looked = await takePromotions(at.service, repository);
    await desire(at.queue, installation, looked.states, repository.forge.repository);
    return looked.again === null || looked.again > MINUTE ? DONE : again(looked.again);
  } finally {
    await lease.release();
  }
}

/** What waits longer is found by the next look, which comes every minute. */
const MINUTE = 60_000;
