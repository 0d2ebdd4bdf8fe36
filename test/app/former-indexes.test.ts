import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import type { LedgerReader } from "../../src/index/ledger-reader.ts";
import { sqliteHistory } from "../../src/index/sqlite-history.ts";
import { removeFormerIndexes } from "../../src/main/serve/former-indexes.ts";

const LEDGER: LedgerReader = {
  repository: "42",
  keys: new Map(),
  head: async () => undefined,
  log: async () => ({ kind: "ok", entries: [] }) as never,
  files: async () => new Map(),
};

test("an index of keys that were in use before goes, unless a process still reads it, and the current one stays", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-indexes-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const at = (name: string) => join(directory, name);
  for (const name of ["history.sqlite", "history-0123456789ab.sqlite"])
    await sqliteHistory(at(name), LEDGER)[Symbol.asyncDispose]();
  const held = sqliteHistory(at("history-aaaaaaaaaaaa.sqlite"), LEDGER);
  const current = sqliteHistory(at("history-bbbbbbbbbbbb.sqlite"), LEDGER);
  writeFileSync(at("history-cccccccccccc.sqlite"), "no database, but some bytes that are none");
  writeFileSync(at("history-dddddddddddd.sqlite-wal"), "");
  writeFileSync(at("blobs"), "");
  const left = () => readdirSync(directory).filter((name) => !/-(wal|shm)$/.test(name) || name.includes("dddd"));

  removeFormerIndexes(directory, "history-bbbbbbbbbbbb.sqlite");
  expect(left().toSorted()).toEqual(["blobs", "history-aaaaaaaaaaaa.sqlite", "history-bbbbbbbbbbbb.sqlite"]);
  expect([held.runs({}), current.runs({})]).toEqual([[], []]);

  await held[Symbol.asyncDispose]();
  removeFormerIndexes(directory, "history-bbbbbbbbbbbb.sqlite");
  expect(left().toSorted()).toEqual(["blobs", "history-bbbbbbbbbbbb.sqlite"]);
  expect(current.runs({})).toEqual([]);
  await current[Symbol.asyncDispose]();
  expect(readdirSync(directory).toSorted()).toEqual(["blobs", "history-bbbbbbbbbbbb.sqlite"]);
});
