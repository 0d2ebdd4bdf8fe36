import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { unwritable } from "../result/unwritable.ts";

/** Raised when tables, or what they say, change: an older file is dropped and built anew. */
const VERSION = 8;

const TABLES = `
  create table if not exists meta (name text primary key, value text not null);
  create table if not exists runs (
    id text primary key, pipeline text not null, status text not null, source text not null, started text not null,
    finished text not null, commit_sha text not null, position integer not null, counted integer not null,
    summary text not null
  );
  create index if not exists runs_by_position on runs (position);
  create index if not exists runs_by_pipeline on runs (pipeline, position);
  create index if not exists runs_by_source on runs (source, position);
  create table if not exists times (
    run text not null, pipeline text not null, step text not null, position integer not null, ms real not null
  );
  create index if not exists times_by_step on times (pipeline, step, position);
  create index if not exists times_by_run on times (run);
  create table if not exists events (
    position integer primary key, commit_sha text not null, path text not null unique, payload blob not null, envelope blob
  );
  create table if not exists reproductions (
    path text primary key, run text not null, position integer not null, commit_sha text not null, payload blob not null,
    envelope blob
  );
  create index if not exists reproductions_by_run on reproductions (run, position);
  create table if not exists past (pipeline text primary key, position integer not null, steps text not null);
`;

/**
 * Opens the index; one that is damaged or of another version is dropped, because the ledger has it all. Where nothing
 * can be written it is made in memory, for this process alone.
 */
export function openIndex(path: string): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true });
    try {
      return prepared(path);
    } catch (error) {
      if (unwritable(error) !== undefined) throw error;
      dropIndex(path);
      return prepared(path);
    }
  } catch (error) {
    if (unwritable(error) === undefined) throw error;
    return prepared(":memory:");
  }
}

export function dropIndex(path: string): void {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) if (existsSync(file)) rmSync(file);
}

function prepared(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 10_000 });
  try {
    database.exec("pragma journal_mode = wal; pragma synchronous = off");
    const { user_version: found } = database.prepare("pragma user_version").get() as { user_version: number };
    if (found === VERSION) return database;
    // 0 is a new file, or one from before versions were kept there.
    const tables = database.prepare("select count(*) as count from sqlite_schema").get() as { count: number };
    if (found !== 0 || tables.count > 0) throw new Error(`${path} has format ${found}`);
    // Two processes may both find a new file: the tables are made in one transaction.
    database.exec(`begin immediate; ${TABLES}; pragma user_version = ${VERSION}; commit`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** True when SQLite says that the file is damaged or no database. */
export function isDamaged(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && (error.errcode === 11 || error.errcode === 26);
}
