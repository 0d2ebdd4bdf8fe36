import type { DatabaseSync, SQLInputValue } from "node:sqlite";

import { parseCommitSha, parseRunId, type CommitSha, type RunId } from "../identity/identity.ts";
import { runFiles, signedRun } from "../manifest/signed-run.ts";
import type { PastStep } from "../plan/plan.ts";
import { unwritable, whereWritable } from "../result/unwritable.ts";
import type { RunRecord } from "../run/run-record.ts";
import { catchUp, indexedHead, leftHead, takeRecorded } from "./catch-up.ts";
import { held } from "./held.ts";
import type { History, RunFilter, RunSummary } from "./history.ts";
import { eventList } from "./event-list.ts";
import { dropIndex, isDamaged, openIndex } from "./index-file.ts";
import { reproductionsOf } from "./reproductions.ts";
import { readRun, readRuns, withDocuments, type LedgerReader } from "./ledger-reader.ts";

/** The index of a ledger in one SQLite file at `path`; what it lacks or lost is read from the ledger. */
export function sqliteHistory(path: string, ledger: LedgerReader): History {
  let database = openIndex(path);
  const events = eventList();
  let times: ReturnType<DatabaseSync["prepare"]> | undefined;

  async function sync(): Promise<void> {
    try {
      await catchUp(database, ledger);
    } catch (error) {
      const refused = unwritable(error) !== undefined;
      if (!refused && !isDamaged(error)) throw error;
      database.close();
      if (!refused) dropIndex(path);
      database = openIndex(refused ? ":memory:" : path);
      times = undefined;
      await catchUp(database, ledger);
    }
  }

  async function standing(id: RunId): Promise<CommitSha | undefined> {
    const head = indexedHead(database);
    const { keys } = ledger;
    if (head === undefined || keys === undefined) return head;
    const row = database.prepare("select commit_sha as sha from runs where id = ? and counted = 1").get(id);
    const recorded = row === undefined ? undefined : parseCommitSha((row as { sha: string }).sha);
    if (recorded === undefined) return head;
    return signedRun(await ledger.files(head, runFiles(id)), id, keys) ? head : recorded;
  }

  async function record(id: RunId): Promise<RunRecord | undefined> {
    const commit = await standing(id);
    return commit === undefined ? undefined : readRun(ledger, commit, id);
  }

  async function readable(id: RunId): Promise<RunRecord | undefined> {
    const commit = await standing(id);
    if (commit === undefined) return undefined;
    const [record] = await withDocuments(ledger, commit, [...(await readRuns(ledger, commit, [id])).values()]);
    return record;
  }

  return {
    sync,
    // The ledger has it: an index that could not be written catches up.
    recorded: (run, at) => whereWritable(() => takeRecorded(database, run, at)),
    left: () => leftHead(database),
    runs: (filter) => runs(database, filter),
    events: () => events(database),
    reproductions: (run) => reproductionsOf(database, run),
    byPrefix: (prefix) => {
      const rows = database
        .prepare("select id from runs where id >= ? and id < ? and counted = 1 order by position desc")
        .all(prefix, `${prefix}{`) as { id: string }[];
      return rows.flatMap((row) => parseRunId(row.id) ?? []);
    },
    computed: (run) => database.prepare("select 1 from times where run = ? limit 1").get(run) !== undefined,
    standing,
    record,
    readable,
    async past(pipelines) {
      const marks = pipelines.map(() => "?").join(",");
      const row = database
        .prepare(`select steps from past where pipeline in (${marks}) order by position desc limit 1`)
        .get(...pipelines) as { steps: string } | undefined;
      return row === undefined ? [] : (JSON.parse(row.steps) as readonly PastStep[]);
    },
    durations: (pipeline, step) => {
      times ??= database.prepare(
        "select ms from times where pipeline = ? and step = ? order by position desc limit 50",
      );
      const rows = times.all(pipeline, step) as { ms: number }[];
      return rows.map((row) => row.ms);
    },
    held: (since, also = []) => held(database, ledger, { since, also }),
    async [Symbol.asyncDispose]() {
      database.close();
    },
  };
}

function runs(
  database: DatabaseSync,
  { pipeline, status, source, request, since, until, limit, all }: RunFilter,
): readonly RunSummary[] {
  const conditions: [string, SQLInputValue][] = all === true ? [] : [["counted = ?", 1]];
  if (pipeline !== undefined) conditions.push(["pipeline = ?", pipeline]);
  if (status !== undefined) conditions.push(["status = ?", status]);
  if (source !== undefined) conditions.push(["source = ?", source]);
  if (request !== undefined) conditions.push(["json_extract(summary, '$.request') = ?", request]);
  if (since !== undefined) conditions.push(["started >= ?", since]);
  if (until !== undefined) conditions.push(["started < ?", until]);
  const where = conditions.length === 0 ? "" : `where ${conditions.map(([text]) => text).join(" and ")}`;
  const rows = database
    .prepare(`select summary from runs ${where} order by position desc limit ?`)
    .all(...conditions.map(([, value]) => value), limit ?? -1) as { summary: string }[];
  return rows.map((row) => JSON.parse(row.summary) as RunSummary);
}
