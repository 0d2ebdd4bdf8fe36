import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { removeTree } from "../../src/executor/remove-tree.ts";
import { digestOf } from "../../src/identity/identity.ts";
import { fileCheckpoints } from "../../src/store/checkpoints.ts";

test("a checkpoint that cannot be taken away is out of the way all the same, and whoever comes next begins anew", () => {
  const root = mkdtempSync(join(tmpdir(), "sluice-checkpoints-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  // As a network file system does while somebody holds a file open.
  const checkpoints = fileCheckpoints(root, (path) => rmSync(path));
  const of = { domain: "local" as const, key: digestOf("key"), run: null };
  writeFileSync(join(checkpoints.open(of), "epoch"), "3");

  checkpoints.drop(of);

  expect(readdirSync(checkpoints.open(of))).toEqual([]);
  expect(readdirSync(join(root, "local")).filter((name) => name.startsWith("gone-"))).toHaveLength(1);
});

test("a checkpoint that is opened is young again, however long ago it was written", async () => {
  const root = mkdtempSync(join(tmpdir(), "sluice-checkpoints-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const checkpoints = fileCheckpoints(root, removeTree);
  const of = { domain: "local" as const, key: digestOf("key"), run: null };
  const path = checkpoints.open(of);
  const before = statSync(path).mtimeMs;
  await expect.poll(() => statSync(checkpoints.open(of)).mtimeMs).toBeGreaterThan(before);
});
