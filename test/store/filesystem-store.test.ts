import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { filesystemStore } from "../../src/store/filesystem-store.ts";
import { hexPath, storeContract } from "../contract/store.ts";

storeContract((directory) => filesystemStore(directory), hexPath);

test.each([
  ["a large file", (at: string) => writeFileSync(at, Buffer.alloc(48 << 20, 7))],
  [
    "a directory of many files",
    (at: string) => {
      mkdirSync(at);
      for (let nth = 0; nth < 2_000; nth++) writeFileSync(join(at, `f${nth}`), `${nth}\n`);
    },
  ],
])("while %s is taken in or brought out, others of the process have their turn", async (_, make) => {
  const root = mkdtempSync(join(tmpdir(), "sluice-turns-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const store = filesystemStore(join(root, "store"));
  make(join(root, "out"));
  const turnsIn = async <Value>(work: Promise<Value>): Promise<readonly [Value, number]> => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    try {
      return [await work, turns];
    } finally {
      clearInterval(timer);
    }
  };

  const [taken, taking] = await turnsIn(store.ingest(join(root, "out"), "out"));
  if (taken.kind !== "ok") throw new Error(taken.kind);
  // What is remembered of small files is written without reading them again.
  const fresh = filesystemStore(join(root, "store"));
  const [brought, bringing] = await turnsIn(fresh.materialize(taken.record, join(root, "again")));

  expect(brought).toEqual({ kind: "ok" });
  expect([taking > 0, bringing > 0]).toEqual([true, true]);
});

test("while somebody asks for one thing after the other, others of the process have their turn", async () => {
  const root = mkdtempSync(join(tmpdir(), "sluice-turns-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const store = filesystemStore(root);
  const digest = await store.putBytes(new Uint8Array([1]));
  let turns = 0;
  setImmediate(() => turns++);
  for (const began = performance.now(); performance.now() - began < 50;) await store.has(digest);
  expect(turns).toBe(1);
});
