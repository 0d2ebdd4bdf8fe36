import { isNotNow } from "../../forge/looked.ts";
import type { LateChange, Newest } from "../../controller/request-promotions.ts";
import type { PullRequest } from "../../forge/forge.ts";
import type { CommitSha } from "../../identity/identity.ts";
import type { RunSummary } from "../../index/history.ts";
import type { At } from "../serve/at.ts";
import { labelledTable } from "../serve/labels.ts";
import { freshOrders } from "../run/orders.ts";
import { refusalOf } from "./promotion-hand.ts";
import type { LabelledChanges } from "./take-requests.ts";
import type { Place } from "./promotion-place.ts";

/** A change merged so short a time ago may be one that the branch, as it was looked at, does not hold yet. */
const JUST_MERGED_MS = 10 * 60_000;

/** Merged pull requests whose labels come too late, because what is newest of their pipelines ran for a later change, or stand on what was merged elsewhere. */
export async function labelledChanges(at: At, place: Place, newest: readonly Newest[]): Promise<LabelledChanges> {
  const { forge } = place.repository;
  const table = labelledTable(forge.repository);
  const asked = new Set(newest.flatMap(({ pullRequests }) => pullRequests.map(({ number }) => number)));
  const late: LateChange[] = [];
  const elsewhere: PullRequest[] = [];
  for (const { key } of await at.queue.table.entries(table)) {
    if (asked.has(Number(key))) continue;
    const pull = await forge.pullRequest(Number(key));
    if (isNotNow(pull)) continue;
    const { mergeCommit } = pull.kind === "ok" ? pull.value : { mergeCommit: null };
    if (pull.kind !== "ok" || mergeCommit === null || !asks(pull.value)) {
      await at.queue.table.remove(table, key);
      continue;
    }
    if (pull.value.base.branch !== place.branch) {
      // A branch that is called otherwise since has its changes all the same.
      if ((await place.line()).has(mergeCommit)) await at.queue.table.remove(table, key);
      else elsewhere.push(pull.value);
      continue;
    }
    const found = await passedBy(place, { mergeCommit, mergedAt: pull.value.mergedAt }, newest);
    if (found !== undefined && !(await runsStill(at, place, { mergeCommit, failed: found.failed })))
      late.push({ ...found, pullRequest: pull.value, own: await promotableOf(place, found.ran) });
  }
  return { late, elsewhere };
}

/** Forgets those that were decided on: a label that comes again is noted again. */
export async function forgetLabelled({ queue }: At, place: Place, decided: readonly number[]): Promise<void> {
  const table = labelledTable(place.repository.forge.repository);
  for (const number of decided) await queue.table.remove(table, String(number));
}

function asks({ labels }: PullRequest): boolean {
  return labels.some((label) => label.startsWith("promote:"));
}

interface Merged {
  readonly mergeCommit: CommitSha;
  readonly mergedAt: string | null;
}

interface Passed extends Pick<LateChange, "newest" | "failed" | "since"> {
  /** Runs of the change itself. */
  readonly ran: readonly RunSummary[];
}

/**
 * What later changes have passed a change with; undefined: it may yet be the newest, or is. A change that nothing ran for is
 * of any pipeline: one look may take several merges together, and touches are not kept.
 */
async function passedBy(place: Place, merged: Merged, newest: readonly Newest[]): Promise<Passed | undefined> {
  const line = [...(await place.line())];
  const at = line.indexOf(merged.mergeCommit);
  if (at < 0 && place.now - Date.parse(merged.mergedAt ?? "") < JUST_MERGED_MS) return undefined;
  const ran = ranFor(place, merged.mergeCommit);
  const about = new Set((ran.length === 0 ? newest : ran).map(({ pipeline }) => pipeline));
  const [passed, failed]: [Newest[], string[]] = [[], []];
  let since = "";
  for (const pipeline of about) {
    const one = newest.find((each) => each.pipeline === pipeline);
    const run = one && (await place.runs.run(one.run));
    const where = run === undefined ? line.length : line.indexOf(run.source);
    if (where === at) return undefined;
    // One that is not among these commits lies further back than all of them, or is gone from the branch.
    if (one === undefined || run === undefined || (at >= 0 && where > at)) {
      failed.push(pipeline);
      continue;
    }
    passed.push(one);
    if (run.finishedAt > since) since = run.finishedAt;
  }
  if (passed.length === 0) return undefined;
  return { ran, since, newest: passed, failed: ran.length === 0 ? [] : failed };
}

function ranFor({ repository, project }: Place, source: CommitSha): readonly RunSummary[] {
  const makes = project.pipelines.filter(({ deploys }) => deploys.length === 0).map(({ pipeline }) => pipeline.id);
  return repository.history.runs({ source }).filter(({ pipeline }) => makes.includes(pipeline));
}

/** What is accepted and not recorded may yet be the newest, also for the change: what it failed for may be tried again. */
async function runsStill(
  at: At,
  { repository }: Place,
  { mergeCommit, failed }: { readonly mergeCommit: CommitSha; readonly failed: readonly string[] },
): Promise<boolean> {
  const fresh = await freshOrders(at, repository);
  if (fresh.kind !== "ok") return true;
  return fresh.orders.some(
    ({ source, pipeline, domain }) => source === mergeCommit || (domain === "main" && failed.includes(pipeline)),
  );
}

async function promotableOf(place: Place, ran: readonly RunSummary[]): Promise<LateChange["own"]> {
  const own: LateChange["own"][number][] = [];
  for (const { id, pipeline } of ran) {
    const run = await place.runs.run(id);
    if (run !== undefined && (await refusalOf(place, run)) === null) own.push({ pipeline, run: id });
  }
  return own;
}
