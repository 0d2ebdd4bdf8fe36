import { planMergeGroup } from "../../controller/plan-pull-request.ts";
import { RUN_CHECK, type Merge, type PlannedCommit } from "../../controller/project.ts";
import { reportCommit } from "../../controller/report-commit.ts";
import { reviewMerge } from "../../controller/review-merge.ts";
import type { Answer } from "../../forge/forge.ts";
import { isNotNow } from "../../forge/looked.ts";
import type { Json } from "../../identity/canonical-json.ts";
import type { CommitSha } from "../../identity/identity.ts";
import type { RunSummary } from "../../index/history.ts";
import { answersFor, type Answers } from "./answers.ts";
import { again, DONE, type At } from "./at.ts";
import type { ForgeRepository } from "./forge-repository.ts";
import { tellDivergence } from "./notices.ts";
import { freshOrders, LOOK_AGAIN_MS, ordersOf } from "../run/orders.ts";
import { openRunOf } from "./pull-request.ts";
import { leaveCheck } from "./shared-heads.ts";
import { plotsAt } from "../run/plots.ts";
import { failureEvidence } from "../run/failure-evidence.ts";
import type { Problem } from "../../problem/problem.ts";
import type { Performed } from "../../queue/queue.ts";
import { MERGE_MARKER } from "../../report/merge-markdown.ts";
import type { EndedRun } from "../../report/sticky-run.ts";
import { isOfBranch } from "../../run/due-upstream.ts";
import type { RunOrder } from "../../run/request.ts";
import type { RunRecord } from "../../run/run-record.ts";
import type { Standing } from "../../controller/reconcile/looking.ts";
import { desire } from "../../worker.ts";

/** The pull request whose merge a commit is: asked of the forge, and kept for those who only tell of it. */
export async function mergeOf(at: At, repository: ForgeRepository, commit: CommitSha): Promise<Answer<Merge | null>> {
  const { forge, mirror, planAt } = repository;
  const asked = await reviewMerge({ forge, mirror, planAt, planMerge: (of) => planMergeGroup(repository, of) }, commit);
  if (asked.kind === "ok")
    await at.queue.table.put(`merges/${forge.repository.id}`, commit, { merge: asked.value } as unknown as Json);
  return asked;
}

/** Keeps what is wrong at the tip of the default branch for whoever tells of that commit. */
export async function keepProblems(
  { queue }: Pick<At, "queue">,
  { forge }: Pick<ForgeRepository, "forge">,
  tip: { readonly commit: CommitSha; readonly problems: readonly Problem[] },
): Promise<void> {
  const kept = { ...tip, problems: tip.problems.slice(0, MOST_PROBLEMS) };
  await queue.table.put(TIPS, String(forge.repository.id), kept as unknown as Json);
}

/** A check names no more of them. */
const MOST_PROBLEMS = 50;
const TIPS = "tips";

async function problemsAt(
  { queue }: Pick<At, "queue">,
  { forge }: Pick<ForgeRepository, "forge">,
  commit: CommitSha,
): Promise<readonly Problem[]> {
  const kept = (await queue.table.get(TIPS, String(forge.repository.id))) as unknown as
    | { readonly commit: CommitSha; readonly problems: readonly Problem[] }
    | undefined;
  return kept?.commit === commit ? kept.problems : [];
}

async function keptMerge(at: At, repository: ForgeRepository, commit: CommitSha): Promise<Merge | null> {
  const kept = await at.queue.table.get(`merges/${repository.forge.repository.id}`, commit);
  if (kept !== undefined) return (kept as unknown as { readonly merge: Merge | null }).merge;
  const asked = await mergeOf(at, repository, commit);
  return asked.kind === "ok" ? asked.value : null;
}

interface CommitNews {
  readonly commit: CommitSha;
  readonly standing: readonly Standing[];
  /** Somebody asked at the pull request whose merge it is, and waits for an answer even where nothing runs. */
  readonly asked?: true;
  /** What somebody has just seen; without it the remote is asked. */
  readonly seen?: { readonly orders: readonly RunOrder[]; readonly branch: string };
}

async function lookFor(at: At, repository: ForgeRepository): Promise<CommitNews["seen"]> {
  const fresh = await freshOrders(at, repository);
  if (fresh.kind !== "ok") return undefined;
  await repository.history.sync();
  const about = await repository.forge.about();
  return { orders: fresh.orders, branch: about.kind === "ok" ? about.value.defaultBranch : "the default branch" };
}

/**
 * Tells on a commit, and at the pull request whose merge it is, what runs there and what became of it; to be done again
 * where nobody can say what runs.
 */
export async function tellCommit(
  at: At,
  repository: ForgeRepository,
  { commit, standing, asked, seen }: CommitNews,
): Promise<Performed> {
  const { forge } = repository;
  const found = seen ?? (await lookFor(at, repository));
  if (found === undefined) return again(LOOK_AGAIN_MS);
  const { orders, branch } = found;
  const open = orders.filter(
    (order) =>
      order.source === commit && order.deploys === null && (order.domain === "main" || order.pullRequest === null),
  );
  const runs = (await endedAt(repository, commit)).filter(
    ({ record }) => !open.some((order) => order.pipeline === record.pipeline.id),
  );
  const here = standing.filter((one) => one.commit === commit && !runs.some(({ record }) => record.id === one.run));
  const problems = await problemsAt(at, repository, commit);
  if (open.length + runs.length + here.length + problems.length === 0 && asked !== true) return DONE;
  const merge = await keptMerge(at, repository, commit);
  const records = runs.map(({ record }) => record);
  if (merge?.review.kind === "diverged")
    await tellDivergence(at, repository, { commit, number: merge.number }).catch(at.service.parts.onError);
  const evidence = await failureEvidence(at, records, planOnce(repository, commit));
  const plots = await plotsAt(at, repository, { commit, runs: records });
  const told = merge === null ? undefined : await at.queue.table.get(toldTable(repository), commit);
  const { words, shown }: Answers =
    merge === null
      ? { words: [], shown: [] }
      : await answersFor(at, forge.repository, { number: merge.number, head: commit });
  const states = reportCommit({
    commit,
    branch,
    merge: merge === null ? null : { number: merge.number, review: reviewOf(merge, here) },
    runs,
    open: await Promise.all(open.map((order) => openRunOf(at, order))),
    standing: here.filter(({ run }) => run === null || !open.some(({ id }) => id === run)),
    problems,
    evidence,
    plots: (run) => plots.get(run.id) ?? [],
    answers: words,
    shown,
    told: told === true,
  });
  if (states.some((state) => state.kind === "comment" && state.marker === MERGE_MARKER))
    await at.queue.table.put(toldTable(repository), commit, true);
  await desire(at.queue, forge.repository.installation, states, forge.repository);
  return DONE;
}

/**
 * The check of a head that was left behind, by a push or for good: nobody reports that head any more,
 * unless others share it. To be done again where nobody can say whether it was left, or what still runs there: a check
 * that ended may let a merge pass.
 */
export async function tellLeft(at: At, repository: ForgeRepository, record: RunRecord): Promise<Performed> {
  const { forge, history } = repository;
  const { source, pullRequest } = record;
  if (pullRequest === null) return DONE;
  const asked = await forge.pullRequest(pullRequest);
  if (isNotNow(asked)) return again(LOOK_AGAIN_MS);
  if (asked.kind === "refused") return DONE;
  if (asked.kind === "ok" && asked.value.state === "open" && asked.value.head.sha === source) return DONE;
  const check = { number: pullRequest, head: source, name: RUN_CHECK };
  if (await leaveCheck(at.queue, forge.repository, check)) return DONE;
  const fresh = await ordersOf(at, repository, pullRequest);
  if (fresh.kind !== "ok") return again(LOOK_AGAIN_MS);
  const open = fresh.orders.filter((order) => order.source === source);
  await history.sync();
  const mine = history.runs({ source }).filter((run) => run.pullRequest === pullRequest);
  const newest = [...Map.groupBy(mine, (run) => run.pipeline).values()].flatMap(([run]) => run ?? []);
  const records = await Promise.all(newest.map(({ id }) => history.readable(id)));
  const runs = records.flatMap((run) =>
    run === undefined || open.some((order) => order.pipeline === run.pipeline.id)
      ? []
      : [{ record: run, baseline: null }],
  );
  const evidence = await failureEvidence(
    at,
    runs.map((run) => run.record),
    planOnce(repository, source),
  );
  const about = {
    commit: source,
    branch: "",
    merge: null,
    standing: [],
    problems: [],
    answers: [],
    shown: [],
    told: false,
  };
  const going = await Promise.all(open.map((order) => openRunOf(at, order)));
  const plots = (): readonly never[] => [];
  const states = reportCommit({ ...about, runs, open: going, evidence, plots });
  await desire(at.queue, forge.repository.installation, states, forge.repository);
  return DONE;
}

/** Steps with what they read there, for whoever has to know. */
function planOnce({ planAt }: ForgeRepository, commit: CommitSha): () => Promise<PlannedCommit> {
  let planned: Promise<PlannedCommit> | undefined;
  return () => (planned ??= planAt({ commit, tree: null, domain: "main", against: null, judged: () => false }));
}

function toldTable({ forge }: ForgeRepository): string {
  return `told/${forge.repository.id}`;
}

function reviewOf(
  { review }: Merge,
  standing: readonly Standing[],
): NonNullable<Parameters<typeof reportCommit>[0]["merge"]>["review"] {
  const moved = review.kind === "diverged" ? review.moved : [];
  // A merge that nobody reviewed is worth a word only where that stops it.
  const waits = standing.some(({ run }) => run === null);
  return { kind: review.kind === "not-reviewed" && !waits ? "same" : review.kind, moved, waits };
}

/** The newest recorded run of each pipeline at a commit that was no pull request's, with the one before on its branch. */
async function endedAt({ history }: ForgeRepository, commit: CommitSha): Promise<readonly EndedRun[]> {
  const found: EndedRun[] = [];
  for (const [pipeline, there] of Map.groupBy(history.runs({ source: commit }), (run) => run.pipeline)) {
    const all = history.runs({ pipeline });
    const find = (id: string): RunSummary | undefined => all.find((run) => run.id === id);
    const mine = there.find((run) => isOfBranch(run, null, find));
    const record = mine === undefined ? undefined : await history.readable(mine.id);
    if (mine === undefined || record === undefined) continue;
    const before = all
      .slice(all.findIndex(({ id }) => id === mine.id) + 1)
      .find((run) => run.status === "succeeded" && isOfBranch(run, branchOf(mine), find));
    found.push({ record, baseline: before === undefined ? null : ((await history.readable(before.id)) ?? null) });
  }
  return found;
}

/** The branch that a push run names; for others any branch is the default one. */
function branchOf({ request }: RunSummary): string | null {
  return request.startsWith("push:") ? request.slice("push:".length) : null;
}
