import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { parseCommitSha, parseRunId, type CommitSha, type Digest, type RunId } from "../identity/identity.ts";
import type { KeyDocument } from "../key/key-document.ts";
import { parseTrailers, runMetrics } from "../manifest/commit-message.ts";
import { keyPath, manifestPath, runDirectory } from "../manifest/ledger-paths.ts";
import { parseManifest, type ParsedManifest } from "../manifest/parse-manifest.ts";
import type { PastStep } from "../plan/plan.ts";
import type { RunRecord } from "../run/run-record.ts";
import type { History, RunSummary } from "./history.ts";

/** Reads of a ledger branch; the git port satisfies it. */
export interface LedgerReader {
  readonly head: () => Promise<CommitSha | undefined>;
  readonly log: (until?: CommitSha) => Promise<readonly { readonly sha: CommitSha; readonly message: string }[]>;
  readonly files: (commit: CommitSha, paths: readonly string[]) => Promise<ReadonlyMap<string, Uint8Array>>;
}

/** Raised when tables change: an older file is dropped and built anew. */
const VERSION = 1;
const BATCH = 500;

const TABLES = `
  create table if not exists meta (name text primary key, value text not null);
  create table if not exists runs (
    id text primary key, pipeline text not null, status text not null, source text not null, started text not null,
    finished text not null, commit_sha text not null, position integer not null, summary text not null
  );
  create index if not exists runs_by_pipeline on runs (pipeline, position);
  create table if not exists times (run text not null, pipeline text not null, step text not null, position integer not null, ms real not null);
  create index if not exists times_by_step on times (pipeline, step, position);
`;

interface Opened {
  readonly database: DatabaseSync;
  readonly ledger: LedgerReader;
}

export function sqliteHistory(path: string, ledger: LedgerReader): History {
  const opened: Opened = { database: open(path), ledger };
  const { database } = opened;
  let times: ReturnType<DatabaseSync["prepare"]> | undefined;
  const meta = (name: string): string | undefined =>
    (database.prepare("select value from meta where name = ?").get(name) as { value: string } | undefined)?.value;
  return {
    async sync() {
      const head = await ledger.head();
      if (head === undefined || meta("head") === head) return;
      await catchUp(opened, head, parseCommitSha(meta("head") ?? ""));
    },
    runs: ({ pipeline, limit }) => {
      const rows = database
        .prepare(
          `select summary from runs ${pipeline === undefined ? "" : "where pipeline = ?"} order by position desc limit ?`,
        )
        .all(...(pipeline === undefined ? [] : [pipeline]), limit ?? 1_000_000) as { summary: string }[];
      return rows.map((row) => JSON.parse(row.summary) as RunSummary);
    },
    byPrefix: (prefix) => {
      const rows = database
        .prepare("select id from runs where id >= ? and id < ? order by position desc")
        .all(prefix, `${prefix}{`) as { id: string }[];
      return rows.flatMap((row) => parseRunId(row.id) ?? []);
    },
    record: (id) => record(opened, meta("head"), id),
    async past(pipelines) {
      const head = meta("head");
      const marks = pipelines.map(() => "?").join(",");
      const row = database
        .prepare(`select id from runs where pipeline in (${marks}) order by position desc limit 1`)
        .get(...pipelines) as { id: string } | undefined;
      const id = parseRunId(row?.id ?? "");
      const run = id === undefined ? undefined : await record(opened, head, id);
      return run === undefined ? [] : pastSteps(run);
    },
    durations: (pipeline, step) => {
      times ??= database.prepare(
        "select ms from times where pipeline = ? and step = ? order by position desc limit 50",
      );
      const rows = times.all(pipeline, step) as { ms: number }[];
      return rows.map((row) => row.ms);
    },
    async held(since) {
      const held = new Set<Digest>();
      const rows = database
        .prepare(
          "select id from (select id, finished, row_number() over (partition by pipeline order by position desc) as nth from runs) where nth <= 10 or finished >= ?",
        )
        .all(new Date(since).toISOString()) as { id: string }[];
      for (const row of rows) {
        const id = parseRunId(row.id);
        const run = id === undefined ? undefined : await record(opened, meta("head"), id);
        for (const digest of run === undefined ? [] : digestsOf(run)) held.add(digest);
      }
      return held;
    },
    async [Symbol.asyncDispose]() {
      database.close();
    },
  };
}

function open(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true });
  const database = new DatabaseSync(path);
  try {
    database.exec("pragma journal_mode = wal; pragma synchronous = off; pragma busy_timeout = 5000");
    database.exec(TABLES);
    const row = database.prepare("select value from meta where name = 'version'").get() as
      | { value: string }
      | undefined;
    if (row === undefined) database.prepare("insert or replace into meta values ('version', ?)").run(String(VERSION));
    else if (row.value !== String(VERSION)) throw new Error("another version");
    return database;
  } catch {
    database.close();
    drop(path);
    const fresh = new DatabaseSync(path);
    fresh.exec(TABLES);
    fresh.prepare("insert or replace into meta values ('version', ?)").run(String(VERSION));
    return fresh;
  }
}

function drop(path: string): void {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) if (existsSync(file)) rmSync(file);
}

/** Reads the commits between the index and the ledger's head, oldest first; a rewritten ledger is read from the start. */
async function catchUp(opened: Opened, head: CommitSha, known: CommitSha | undefined): Promise<void> {
  const { database, ledger } = opened;
  let commits = known === undefined ? await ledger.log() : await ledger.log(known);
  const all = known === undefined ? commits : undefined;
  if (known !== undefined && !(await ledger.log()).some((commit) => commit.sha === known)) {
    database.exec("delete from runs; delete from times; delete from meta where name = 'head'");
    commits = all ?? (await ledger.log());
  }
  const last = database.prepare("select max(position) as position from runs").get() as { position: number | null };
  let position = last.position ?? 0;
  const wanted = commits.toReversed().flatMap((commit) => {
    const id = parseRunId(parseTrailers(commit.message).get("Sluice-Run")?.[0] ?? "");
    return id === undefined ? [] : [{ id, sha: commit.sha }];
  });
  for (let at = 0; at < wanted.length; at += BATCH) {
    const batch = wanted.slice(at, at + BATCH);
    const files = await ledger.files(
      head,
      batch.map(({ id }) => manifestPath(id)),
    );
    const read: { readonly record: RunRecord; readonly sha: CommitSha }[] = [];
    for (const { id, sha } of batch) {
      const bytes = files.get(manifestPath(id));
      const parsed =
        bytes === undefined ? undefined : await parseWhole(opened, { commit: head, id, bytes }, () => undefined);
      if (parsed?.kind === "ok") read.push({ record: parsed.record, sha });
    }
    database.exec("begin");
    for (const { record: run, sha } of read) insert(database, run, { sha, position: ++position });
    database.exec("commit");
  }
  database.prepare("insert or replace into meta values ('head', ?)").run(head);
}

function insert(
  database: DatabaseSync,
  run: RunRecord,
  { sha, position }: { readonly sha: CommitSha; readonly position: number },
): void {
  const summary: RunSummary = {
    id: run.id,
    pipeline: run.pipeline.id,
    status: run.status,
    source: run.source,
    trigger: run.trigger,
    requestedBy: run.requestedBy,
    startedAt: run.startedAt,
    finishedAt: run.finishedAt,
    commit: sha,
    metrics: Object.fromEntries(runMetrics(run)),
  };
  database
    .prepare("insert or replace into runs values (?, ?, ?, ?, ?, ?, ?, ?, ?)")
    .run(
      run.id,
      run.pipeline.id,
      run.status,
      run.source,
      run.startedAt,
      run.finishedAt,
      sha,
      position,
      JSON.stringify(summary),
    );
  const insertTime = database.prepare("insert into times values (?, ?, ?, ?, ?)");
  for (const step of run.steps) {
    const last = step.attempts.at(-1);
    if (last !== undefined && last.failure === null)
      insertTime.run(run.id, run.pipeline.id, step.id, position, last.profile.wallMs);
  }
}

/** Parses a manifest with the files beside it that a very large run has. */
async function parseWhole(
  { ledger }: Opened,
  { commit, id, bytes }: { readonly commit: CommitSha; readonly id: RunId; readonly bytes: Uint8Array },
  document: (key: Digest) => KeyDocument | undefined,
): Promise<ParsedManifest> {
  const alone = parseManifest(bytes, document);
  if (alone.kind === "ok" || alone.needs === undefined) return alone;
  const parts = await ledger.files(
    commit,
    alone.needs.map((file) => `${runDirectory(id)}/${file}`),
  );
  return parseManifest(bytes, document, (file) => parts.get(`${runDirectory(id)}/${file}`));
}

async function record(opened: Opened, head: string | undefined, id: RunId): Promise<RunRecord | undefined> {
  const { ledger } = opened;
  const commit = parseCommitSha(head ?? "");
  if (commit === undefined) return undefined;
  const bytes = (await ledger.files(commit, [manifestPath(id)])).get(manifestPath(id));
  if (bytes === undefined) return undefined;
  const bare = await parseWhole(opened, { commit, id, bytes }, () => undefined);
  if (bare.kind === "refused") throw new Error(`reading the manifest of ${id}: ${bare.why}`);
  const keys = bare.record.steps.flatMap((step) => (step.key === null ? [] : [step.key]));
  const documents = await ledger.files(commit, keys.map(keyPath));
  const parsed = await parseWhole(opened, { commit, id, bytes }, (key) => {
    const document = documents.get(keyPath(key));
    return document === undefined ? undefined : (JSON.parse(new TextDecoder().decode(document)) as KeyDocument);
  });
  return parsed.kind === "ok" ? parsed.record : undefined;
}

function pastSteps(run: RunRecord): readonly PastStep[] {
  return run.steps.flatMap((step) => {
    if (step.key === null || step.document === null) return [];
    const { outcome } = step;
    const result = outcome.kind === "succeeded" || outcome.kind === "cached" ? outcome.result : null;
    return [{ name: step.name, id: step.id, key: step.key, document: step.document, result }];
  });
}

function digestsOf(run: RunRecord): readonly Digest[] {
  return run.steps.flatMap((step) => [
    ...(step.outcome.kind === "succeeded" || step.outcome.kind === "cached"
      ? step.outcome.facts.outputs.map((output) => output.digest)
      : []),
    ...step.attempts.flatMap((attempt) => (attempt.log === null ? [] : [attempt.log])),
  ]);
}
