import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import type { History } from "../../src/index/history.ts";
import type { LedgerReader } from "../../src/index/ledger-reader.ts";
import { sqliteHistory } from "../../src/index/sqlite-history.ts";
import type { RunRecord } from "../../src/run/run-record.ts";
import { digitsRun } from "../manifest/run-records.ts";
import { memoryKey, MemoryLedger } from "./memory-ledger.ts";

function opened(ledger: LedgerReader): History {
  const directory = mkdtempSync(join(tmpdir(), "sluice-catch-up-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return sqliteHistory(join(directory, "h.sqlite"), ledger);
}

test("large runs are read a few at a time, and everybody else has a turn between two of them", async () => {
  const [ledger, key] = [new MemoryLedger(), memoryKey()];
  const runs = Array.from({ length: 20 }, (_, nth) =>
    digitsRun({ request: `push:${nth}`, params: { text: "x".repeat(140_000) } }),
  );
  for (const run of runs) ledger.push(run, key);
  let most = 0;
  await using history = opened({
    ...ledger,
    keys: key.keys,
    files(commit, paths) {
      most = Math.max(most, paths.length);
      return ledger.files(commit, paths);
    },
  });
  let turns = 0;
  const turn = (): void => void (turns++, (next = setImmediate(turn)));
  let next = setImmediate(turn);
  await history.sync();
  const meanwhile = turns;
  const held = await history.held(0);
  clearImmediate(next);

  expect(history.runs({}).map(({ id }) => id)).toEqual(runs.map(({ id }) => id).reverse());
  expect(held.kind).toBe("held");
  expect(meanwhile).toBeGreaterThanOrEqual(runs.length - 1);
  expect(turns - meanwhile).toBeGreaterThanOrEqual(runs.length - Math.ceil(runs.length / 8));
  // Of a run these are its manifest and its signature.
  expect(most).toBeLessThanOrEqual(16);
});

test("runs that do not count take none of the ten from those that do, and are held besides", async () => {
  const [ledger, key] = [new MemoryLedger(), memoryKey()];
  const drawn = (nth: number): RunRecord => digitsRun({ request: `push:${nth}`, data: `data ${nth}` });
  ledger.push(drawn(0), key);
  for (let nth = 1; nth <= 11; nth++) ledger.push(drawn(nth), nth > 10 ? key : memoryKey());
  await using history = opened({ ...ledger, keys: key.keys });
  await history.sync();
  const held = await history.held(Date.parse("2030-01-01"));
  if (held.kind !== "held") throw new Error("one cannot be read");
  const kept = (nth: number): boolean => held.digests.has(digestOf(`data ${nth} 1`));
  expect(Array.from({ length: 12 }, (_, nth) => kept(nth))).toEqual(Array.from({ length: 12 }, () => true));
});
