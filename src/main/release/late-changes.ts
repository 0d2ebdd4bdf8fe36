import { isNotNow } from "../../forge/looked.ts";
import type { LateChange, Newest } from "../../controller/request-promotions.ts";
import type { PullRequest } from "../../forge/forge.ts";
import type { CommitSha } from "../../identity/identity.ts";
import type { RunSummary } from "../../index/history.ts";
import type { At } from "../serve/at.ts";
import { labelledTable } from "../serve/labels.ts";
import { freshOrders } from "../run/orders.ts";
import { refusalOf } from "./promotion-hand.ts";
import type { Place } from "./promotion-place.ts";

/** Merged pull requests whose labels come too late: what is newest of their pipelines ran for a later change. */
export async function lateChanges(at: At, place: Place, newest: readonly Newest[]): Promise<readonly LateChange[]> {
  const { forge } = place.repository;
  const table = labelledTable(forge.repository);
  const asked = new Set(newest.flatMap(({ pullRequests }) => pullRequests.map(({ number }) => number)));
  const late: LateChange[] = [];
  for (const { key } of await at.queue.table.entries(table)) {
    if (asked.has(Number(key))) continue;
    const pull = await forge.pullRequest(Number(key));
    if (isNotNow(pull)) continue;
    const { mergeCommit } = pull.kind === "ok" ? pull.value : { mergeCommit: null };
    if (pull.kind !== "ok" || mergeCommit === null || !asksOf(place, pull.value)) {
      await at.queue.table.remove(table, key);
      continue;
    }
    const found = await passedBy(place, mergeCommit, newest);
    if (found.newest.length > 0 && !(await runsStill(at, place, mergeCommit)))
      late.push({ ...found, pullRequest: pull.value, own: await promotableOf(place, found.ran) });
  }
  return late;
}

/** Forgets those that were decided on: a label that comes again is noted again. */
export async function forgetLabelled({ queue }: At, place: Place, decided: readonly number[]): Promise<void> {
  const table = labelledTable(place.repository.forge.repository);
  for (const number of decided) await queue.table.remove(table, String(number));
}

function asksOf({ branch }: Place, { labels, base }: PullRequest): boolean {
  return base.branch === branch && labels.some((label) => label.startsWith("promote:"));
}

interface Passed {
  /** Newest runs of later changes, of the pipelines that the change is of. */
  readonly newest: readonly Newest[];
  /** When the last of them ended. */
  readonly since: string;
  /** Runs of the change itself. */
  readonly ran: readonly RunSummary[];
}

/** A change that nothing ran for is of any pipeline: one look may take several merges together, and touches are not kept. */
async function passedBy(place: Place, merge: CommitSha, newest: readonly Newest[]): Promise<Passed> {
  const line = [...(await place.line())];
  const ran = place.repository.history
    .runs({ source: merge })
    .filter(({ pipeline }) =>
      place.project.pipelines.some((one) => one.pipeline.id === pipeline && one.deploys.length === 0),
    );
  const about = newest.filter(({ pipeline }) => ran.length === 0 || ran.some((run) => run.pipeline === pipeline));
  const at = line.indexOf(merge);
  const passed: Newest[] = [];
  let since = "";
  for (const one of about) {
    const run = await place.runs.run(one.run);
    const where = run === undefined ? -1 : line.indexOf(run.source);
    if (run === undefined || where < 0 || where >= at) continue;
    passed.push(one);
    if (run.finishedAt > since) since = run.finishedAt;
  }
  // What failed may be tried again, and is the newest then.
  return { ran, since, newest: ran.length === 0 || passed.length === about.length ? passed : [] };
}

/** What is accepted and not recorded may yet be the newest. */
async function runsStill(at: At, { repository }: Place, merge: CommitSha): Promise<boolean> {
  const fresh = await freshOrders(at, repository);
  return fresh.kind !== "ok" || fresh.orders.some(({ source }) => source === merge);
}

async function promotableOf(place: Place, ran: readonly RunSummary[]): Promise<LateChange["own"]> {
  const own: LateChange["own"][number][] = [];
  for (const { id, pipeline } of ran) {
    const run = await place.runs.run(id);
    if (run !== undefined && (await refusalOf(place, run)) === null) own.push({ pipeline, run: id });
  }
  return own;
}
