import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { removeTree } from "../../src/executor/remove-tree.ts";
import { removeAbandoned } from "../../src/executor/work-place.ts";
import { digestOf, type Domain } from "../../src/identity/identity.ts";
import { collect } from "../../src/store/collect.ts";
import { filesystemStore } from "../../src/store/filesystem-store.ts";
import { resultOf } from "../builders/result.ts";

function place(): string {
  const root = mkdtempSync(join(tmpdir(), "sluice-collect-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

const HANDS = {
  remove: removeTree,
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
  expect(collect(root, all(), HANDS)).toMatchObject({ objects: 1, results: 1 });
  expect((await filesystemStore(root).reader(domain)).result(key)).toBeUndefined();
});

test("what cannot be taken away keeps nothing else", () => {
  const root = place();
  const left = [join(root, "checkpoints", "local", "a"), join(root, "checkpoints", "main", "b")];
  for (const path of left) mkdirSync(join(path, "deep"), { recursive: true });
  const asked: string[] = [];
  const busy = (path: string): void => {
    asked.push(path);
    throw new Error("EBUSY");
  };
  collect(root, all(), { ...HANDS, remove: busy });
  expect(asked.toSorted()).toEqual(left);
  collect(root, all(), HANDS);
  expect(left.filter((path) => existsSync(path))).toEqual([]);
});
