import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { removeTree } from "../../src/executor/remove-tree.ts";
import { removeAbandoned } from "../../src/executor/work-place.ts";
import { digestOf, hexOf, type Domain } from "../../src/identity/identity.ts";
import type { StepResult } from "../../src/key/key-document.ts";
import { collect } from "../../src/store/collect.ts";
import { filesystemStore } from "../../src/store/filesystem-store.ts";
import { objectPath } from "../../src/store/objects.ts";
import { resultPath } from "../../src/store/result-index.ts";
import { resultOf } from "../builders/result.ts";

function place(): string {
  const root = mkdtempSync(join(tmpdir(), "sluice-collect-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

const HANDS = {
  remove: async (path: string) => removeTree(path),
  removeAbandoned: (directory: string) => removeAbandoned(directory, Date.now()),
};

const all = (): Parameters<typeof collect>[1] => ({
  live: new Set(),
  runs: new Set(),
  olderThan: Date.now() + 86_400_000,
});

test.each<Domain>(["main", "pr", "fork/12"])("a result of %s goes with its bytes", async (domain) => {
  const root = place();
  const store = filesystemStore(root);
  const digest = await store.putBytes(new TextEncoder().encode("what it wrote"));
  const key = digestOf("the key");
  const output = { path: "out", kind: "file" as const, digest, size: 13, files: 1 };
  const result = resultOf(key, [output]);
  await store.createResult(domain, { ...result, made: { ...result.made, domain } });
  expect(await collect(root, all(), HANDS)).toMatchObject({ objects: 1, results: 1 });
  expect((await filesystemStore(root).reader(domain)).result(key)).toBeUndefined();
});

test("of a result that was revoked, what took its place keeps its bytes, and goes with them", async () => {
  const root = place();
  const store = filesystemStore(root);
  const DAY = 86_400_000;
  const made = async (text: string, finished: number): Promise<StepResult> => {
    const digest = await store.putBytes(new TextEncoder().encode(text));
    const result = resultOf(digestOf("the key"), [{ path: "out", kind: "file", digest }]);
    return { ...result, made: { ...result.made, finishedAt: new Date(finished).toISOString() } };
  };
  const [old, now] = [await made("wrong", Date.now()), await made("right", Date.now() + 2 * DAY)];
  await store.createResult("local", old);
  await store.revoke("local", { old, now, why: { who: "a person", reason: "it was wrong" } });
  const reads = async (): Promise<unknown> => (await filesystemStore(root).reader("local")).result(now.key);

  expect(await collect(root, all(), HANDS)).toMatchObject({ objects: 1, results: 0 });
  expect(await reads()).toEqual(now);
  expect(await collect(root, { ...all(), olderThan: Date.now() + 3 * DAY }, HANDS)).toMatchObject({
    objects: 1,
    results: 1,
  });
  expect(await reads()).toBeUndefined();

  expect(await filesystemStore(root).createResult("local", old)).toEqual({ kind: "created" });
  expect(await reads()).toEqual(old);
});

test("what a machine that went down left torn stands in the way of nothing, and goes when it is old", async () => {
  const root = place();
  const result = resultOf(digestOf("the key"), []);
  const path = resultPath(join(root, "results", "local"), hexOf(result.key));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "");
  expect(await collect(root, { ...all(), olderThan: 0 }, HANDS)).toMatchObject({ objects: 0, results: 0 });
  expect(existsSync(path)).toBe(true);

  const store = filesystemStore(root);
  expect(await store.createResult("local", result)).toEqual({ kind: "created" });
  expect((await filesystemStore(root).reader("local")).result(result.key)).toEqual(result);
  expect(await store.createResult("local", result)).toEqual({ kind: "exists", result, same: true });
  const bytes = new TextEncoder().encode("whole");
  const digest = await store.putBytes(bytes);
  truncateSync(objectPath(root, digest));
  await store.putBytes(bytes);
  expect(await store.read(digest)).toEqual(Buffer.from(bytes));

  writeFileSync(path, "");
  await collect(root, all(), HANDS);
  expect(existsSync(path)).toBe(false);
});

test("a mark of lost bytes that nobody misses any more goes when it is old", async () => {
  const root = place();
  const store = filesystemStore(root);
  const digest = digestOf("nobody has it");
  await store.materialize({ kind: "file", digest }, join(root, "target"));
  const mark = join(root, "lost", hexOf(digest));
  await collect(root, { ...all(), olderThan: Date.now() - 86_400_000 }, HANDS);
  expect(existsSync(mark)).toBe(true);
  await collect(root, all(), HANDS);
  expect(existsSync(mark)).toBe(false);
});

test("what cannot be taken away keeps nothing else", async () => {
  const root = place();
  const left = [join(root, "checkpoints", "local", "a"), join(root, "checkpoints", "main", "b")];
  for (const path of left) mkdirSync(join(path, "deep"), { recursive: true });
  const asked: string[] = [];
  const busy = async (path: string): Promise<void> => {
    asked.push(path);
    throw new Error("EBUSY");
  };
  await collect(root, all(), { ...HANDS, remove: busy });
  expect(asked.map(dirname).toSorted()).toEqual(left.map(dirname));
  await collect(root, all(), HANDS);
  expect(left.flatMap((path) => readdirSync(dirname(path)))).toEqual([]);
});
