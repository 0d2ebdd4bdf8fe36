import type { DatabaseSync } from "node:sqlite";

import type { CommitSha, RunId } from "../identity/identity.ts";
import { runMetrics } from "../manifest/commit-message.ts";
import type { RunRecord } from "../run/run-record.ts";
import type { RunSummary } from "./history.ts";

/** What the index keeps of a run; its record is a hundred times that. */
export interface RunRow {
  readonly summary: RunSummary;
  readonly counted: boolean;
  /** Wall times (ms) of the steps that ended well, by their ids. */
  readonly times: readonly (readonly [step: string, ms: number])[];
}

/** The row of a run that a commit of the ledger recorded. */
export function rowOf(
  run: RunRecord,
  { commit, counted }: { readonly commit: CommitSha; readonly counted: boolean },
): RunRow {
  const times = run.steps.flatMap(({ id, attempts }) => {
    const last = attempts.at(-1);
    return last?.failure === null ? [[id, last.profile.wallMs] as const] : [];
  });
  return { summary: summaryOf(run, commit), counted, times: counted ? times : [] };
}

/** Writes runs after the position `start`, and says where each stands; one that does not count takes no other's place. */
export function insertRuns(database: DatabaseSync, runs: readonly RunRow[], start: number): ReadonlyMap<RunId, number> {
  const insertRun = database.prepare("insert or replace into runs values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const forgetTimes = database.prepare("delete from times where run = ?");
  const insertTime = database.prepare("insert into times values (?, ?, ?, ?, ?)");
  const positions = new Map<RunId, number>();
  const counts = database.prepare("select 1 from runs where id = ? and counted = 1");
  let position = start;
  for (const { summary, counted, times } of runs) {
    const { id, pipeline, status, source, startedAt, finishedAt, commit } = summary;
    if (!counted && counts.get(id) !== undefined) continue;
    positions.set(id, ++position);
    const text = JSON.stringify(summary);
    insertRun.run(id, pipeline, status, source, startedAt, finishedAt, commit, position, counted ? 1 : 0, text);
    forgetTimes.run(id);
    for (const [step, ms] of times) insertTime.run(id, pipeline, step, position, ms);
  }
  return positions;
}

function summaryOf(run: RunRecord, commit: CommitSha): RunSummary {
  return {
    id: run.id,
    pipeline: run.pipeline.id,
    status: run.status,
    source: run.source,
    trigger: run.trigger,
    request: run.request,
    plan: run.plan,
    pullRequest: run.pullRequest,
    requestedBy: run.requestedBy,
    startedAt: run.startedAt,
    finishedAt: run.finishedAt,
    commit,
    metrics: Object.fromEntries(runMetrics(run)),
  };
}
