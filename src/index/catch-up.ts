import type { DatabaseSync } from "node:sqlite";

import { parseCommitSha, type CommitSha } from "../identity/identity.ts";
import type { PastStep } from "../plan/plan.ts";
import { failureSentence } from "../report/failure-sentence.ts";
import { ownVoice } from "../report/voice.ts";
import type { RunRecord } from "../run/run-record.ts";
import { eventSignaturePath, recordedEvent } from "../release/release-event.ts";
import type { LedgerEvent, LedgerReproduction } from "./history.ts";
import { isOwn, withDocuments, type LedgerReader } from "./ledger-reader.ts";
import { insertReproductions, readReproductions } from "./reproductions.ts";
import { insertRuns, rowOf, type RunRow } from "./run-rows.ts";
import { standingRuns } from "./standing-runs.ts";

const BATCH = 500;
const TRIES = 10;

/** The ledger's commit that the index stands at. */
export function indexedHead(database: DatabaseSync): CommitSha | undefined {
  const row = database.prepare("select value from meta where name = 'head'").get() as { value: string } | undefined;
  return parseCommitSha(row?.value ?? "");
}

/** The head that a ledger had when it was last read before its history was replaced; undefined while it has gone on from there. */
export function leftHead(database: DatabaseSync): CommitSha | undefined {
  const row = database.prepare("select value from meta where name = 'left'").get() as { value: string } | undefined;
  return parseCommitSha(row?.value ?? "");
}

/**
 * Reads the commits between the index and the ledger's head, oldest first; a rewritten ledger is read from the
 * start. All is written in one transaction that first looks whether another process was quicker: an interrupted
 * or doubled reading leaves what a single one does.
 */
export async function catchUp(database: DatabaseSync, ledger: LedgerReader): Promise<void> {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const known = indexedHead(database);
    const head = await ledger.head();
    if (head === known) return;
    const read =
      head === undefined
        ? { anew: true, commits: new Set<CommitSha>(), runs: [], events: [], reproductions: [], past: [] }
        : await readSince(ledger, head, known);
    if (write(database, { known, head, ...read })) return;
  }
  throw new Error(`indexing the ledger: it was indexed by others ${TRIES} times meanwhile`);
}

/** Takes the commit after the one that the index stands at; an index that stands elsewhere catches up later. */
export function takeRecorded(
  database: DatabaseSync,
  record: RunRecord,
  { commit, before }: { readonly commit: CommitSha; readonly before: CommitSha | null },
): void {
  const known = before ?? undefined;
  const runs = [rowOf(record, { commit, counted: true })];
  write(database, {
    known,
    head: commit,
    anew: known === undefined,
    commits: new Set([commit]),
    runs,
    events: [],
    reproductions: [],
    past: [record].filter(isTold),
  });
}

interface Reading {
  /** True when what the index holds is of another history. */
  readonly anew: boolean;
  readonly commits: ReadonlySet<CommitSha>;
  readonly runs: readonly RunRow[];
  readonly events: readonly LedgerEvent[];
  readonly reproductions: readonly LedgerReproduction[];
  /** The newest new run of each pipeline that causes may be told against, with its documents. */
  readonly past: readonly RunRecord[];
}

async function readSince(ledger: LedgerReader, head: CommitSha, known: CommitSha | undefined): Promise<Reading> {
  const recent = await ledger.log(known);
  const continues = known !== undefined && (recent.at(-1)?.parents.includes(known) ?? false);
  const commits = continues || known === undefined ? recent : await ledger.log();
  const oldest = commits.toReversed();
  const place = new Map(oldest.map(({ sha }, at) => [sha, at]));
  const placeOf = ({ summary }: RunRow): number => place.get(summary.commit) ?? 0;
  const runs: RunRow[] = [];
  const newest = new Map<string, { readonly record: RunRecord; readonly row: RunRow }>();
  for await (const { record, counted, commit } of standingRuns(ledger, head, commits)) {
    if (!isOwn(ledger, record)) continue;
    const row = rowOf(record, { commit, counted });
    runs.push(row);
    const before = newest.get(record.pipeline.id);
    if (counted && isTold(record) && (before === undefined || placeOf(before.row) < placeOf(row)))
      newest.set(record.pipeline.id, { record, row });
  }
  const events = await readEvents(ledger, head, oldest);
  const reproductions = await readReproductions(ledger, head, oldest);
  const met = new Set(commits.map(({ sha }) => sha));
  return {
    anew: !continues,
    commits: met,
    runs: runs.sort((a, b) => placeOf(a) - placeOf(b)),
    events,
    reproductions,
    past: await withDocuments(
      ledger,
      head,
      [...newest.values()].map(({ record }) => record),
    ),
  };
}

/** What a pull request tried, a stranger's too, is nothing that has changed since: causes are told against the branches. */
function isTold({ pullRequest }: RunRecord): boolean {
  return pullRequest === null;
}

/** Events of these commits, oldest first; what a commit names and the ledger lacks is left out. */
async function readEvents(
  ledger: LedgerReader,
  head: CommitSha,
  commits: Awaited<ReturnType<LedgerReader["log"]>>,
): Promise<readonly LedgerEvent[]> {
  const found = commits.flatMap(({ sha, message }) => {
    const path = recordedEvent(message);
    return path === undefined ? [] : [{ commit: sha, path }];
  });
  const events: LedgerEvent[] = [];
  for (let at = 0; at < found.length; at += BATCH) {
    const batch = found.slice(at, at + BATCH);
    const files = await ledger.files(
      head,
      batch.flatMap(({ path }) => [path, eventSignaturePath(path)]),
    );
    for (const { commit, path } of batch) {
      const payload = files.get(path);
      if (payload !== undefined) events.push({ commit, path, payload, envelope: files.get(eventSignaturePath(path)) });
    }
  }
  return asTheyCame(ledger, events);
}

/** Read at the head, each path has its last bytes: a commit that wrote others there before is none of this event. */
async function asTheyCame(ledger: LedgerReader, events: readonly LedgerEvent[]): Promise<readonly LedgerEvent[]> {
  const counts = new Map<string, number>();
  for (const { path } of events) counts.set(path, (counts.get(path) ?? 0) + 1);
  const first = new Map<string, LedgerEvent>();
  for (const event of events.filter(({ path }) => counts.get(path) !== 1)) {
    const known = first.get(event.path);
    if (known !== undefined && (await hasBytes(ledger, known))) continue;
    if (known === undefined || (await hasBytes(ledger, event))) first.set(event.path, event);
  }
  return events.filter((event) => counts.get(event.path) === 1 || first.get(event.path) === event);
}

async function hasBytes(ledger: LedgerReader, { commit, path, payload, envelope }: LedgerEvent): Promise<boolean> {
  const signature = eventSignaturePath(path);
  const files = await ledger.files(commit, [path, signature]);
  return isEqual(files.get(path), payload) && isEqual(files.get(signature), envelope);
}

function isEqual(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;
}

interface Written extends Reading {
  readonly known: CommitSha | undefined;
  readonly head: CommitSha | undefined;
}

/** False when the index was moved by another process meanwhile; then nothing is written. */
function write(database: DatabaseSync, written: Written): boolean {
  const { known, head, anew, runs, events, reproductions, past } = written;
  database.exec("begin immediate");
  try {
    if (indexedHead(database) !== known) {
      database.exec("rollback");
      return false;
    }
    const left = leftHead(database) ?? (anew ? known : undefined);
    if (anew)
      database.exec(
        "delete from runs; delete from times; delete from events; delete from reproductions; delete from past; delete from meta",
      );
    database.prepare("delete from meta where name = 'left'").run();
    if (left !== undefined && !written.commits.has(left))
      database.prepare("insert into meta values ('left', ?)").run(left);
    const last = database.prepare("select max(position) as position from runs").get() as { position: number | null };
    const position = insertRuns(database, runs, last.position ?? 0);
    insertEvents(database, events);
    insertReproductions(database, reproductions);
    const insertPast = database.prepare("insert or replace into past values (?, ?, ?)");
    for (const record of past) {
      insertPast.run(record.pipeline.id, position.get(record.id) ?? 0, JSON.stringify(pastSteps(record)));
    }
    if (head !== undefined) database.prepare("insert or replace into meta values ('head', ?)").run(head);
    database.exec("commit");
    return true;
  } catch (error) {
    database.exec("rollback");
    throw error;
  }
}

/** An event that was met again stands where it came first; one of other bytes has taken its place, and comes now. */
function insertEvents(database: DatabaseSync, events: readonly LedgerEvent[]): void {
  const replaced = database.prepare("delete from events where path = ? and (payload <> ? or envelope is not ?)");
  const insert = database.prepare(
    "insert or ignore into events (commit_sha, path, payload, envelope) values (?, ?, ?, ?)",
  );
  for (const { commit, path, payload, envelope } of events) {
    replaced.run(path, payload, envelope ?? null);
    insert.run(commit, path, payload, envelope ?? null);
  }
}

function pastSteps(run: RunRecord): readonly PastStep[] {
  return run.steps.flatMap((step) => {
    if (step.key === null || step.document === null) return [];
    const { outcome } = step;
    const result = outcome.kind === "succeeded" || outcome.kind === "cached" ? outcome.result : null;
    const { name, id, key, document } = step;
    if (outcome.kind !== "failed") return [{ name, id, key, document, result }];
    const failed = { run: run.id, why: failureSentence(outcome.failure, ownVoice) };
    return [{ name, id, key, document, result, failed }];
  });
}
