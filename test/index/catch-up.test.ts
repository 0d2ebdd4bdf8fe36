import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import type { History } from "../../src/index/history.ts";
import type { LedgerReader } from "../../src/index/ledger-reader.ts";
import { sqliteHistory } from "../../src/index/sqlite-history.ts";
import { manifestPath, signaturePath } from "../../src/manifest/ledger-paths.ts";
import { renderManifest } from "../../src/manifest/render-manifest.ts";
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

const HAND: Readonly<Record<string, (ledger: MemoryLedger, run: RunRecord) => void>> = {
  "bytes that are no manifest": (ledger, { id }) => {
    ledger.bytes.set(manifestPath(id), new TextEncoder().encode("{}"));
    ledger.say("by hand");
  },
  "another signature": (ledger, { id }) => {
    ledger.bytes.set(signaturePath(id), new TextEncoder().encode("{}"));
    ledger.say(`digits: succeeded\n\nSluice-Run: ${id}\n`);
  },
  "an end of their own, named by a commit": (ledger, run) => ledger.push({ ...run, status: "failed" }, memoryKey()),
  "its copy in another run's place": (ledger, run) => {
    const other = digitsRun({ request: "push:other" });
    ledger.bytes.set(manifestPath(other.id), renderManifest({ ...run, status: "failed" }));
    ledger.say(`digits: succeeded\n\nSluice-Run: ${other.id}\n`);
  },
  nothing: (ledger, { id }) => {
    ledger.bytes.delete(manifestPath(id));
    ledger.say("by hand");
  },
};

test.each(Object.keys(HAND))("a run that counts stays what it was where somebody put %s over it", async (name) => {
  const [ledger, key] = [new MemoryLedger(), memoryKey()];
  const [run, later] = ["push:1", "push:2"].map((request) => digitsRun({ request }));
  if (run === undefined || later === undefined) throw new Error("unreachable: there are two");
  ledger.push(run, key);
  const recorded = ledger.commits.at(-1)?.sha;
  await using history = opened({ ...ledger, keys: key.keys });
  await history.sync();
  const answers = async (asked: History): Promise<unknown> => {
    await asked.sync();
    const found = asked.runs({}).map(({ id, status, commit }) => ({ id, status, commit }));
    return { found, past: await asked.past(["digits"]), record: await asked.record(run.id) };
  };
  HAND[name]?.(ledger, run);
  const hand = ledger.commits.at(-1)?.sha;
  expect(await answers(history)).toMatchObject({
    found: [{ id: run.id, status: "succeeded", commit: recorded }],
    record: run,
  });
  expect(await history.standing(run.id)).toBe(name.includes("another run's place") ? hand : recorded);
  expect((await history.readable(run.id))?.status).toBe("succeeded");
  ledger.push(later, key);
  await using anew = opened({ ...ledger, keys: key.keys });
  expect(await answers(anew)).toEqual(await answers(history));
  expect(anew.runs({}).map(({ id }) => id)).toEqual([later.id, run.id]);
});
