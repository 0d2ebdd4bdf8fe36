import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { removeTree } from "../../src/executor/remove-tree.ts";
import { digestOf } from "../../src/identity/identity.ts";
import { fileCheckpoints, removeOldCheckpoints } from "../../src/store/checkpoints.ts";

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

test("a checkpoint goes when nothing in it was written for long, however deep it lies", async () => {
  const root = mkdtempSync(join(tmpdir(), "sluice-checkpoints-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const path = fileCheckpoints(root, removeTree).open({ domain: "local", key: digestOf("key"), run: null });
  const tick = (): number => {
    const at = (): number => {
      writeFileSync(join(root, "tick"), "");
      return statSync(join(root, "tick")).ctimeMs;
    };
    const now = at();
    for (let then = at(); ; then = at()) if (then > now) return then;
  };
  const hands = { remove: async (gone: string) => removeTree(gone) };
  mkdirSync(join(path, "model", "weights"), { recursive: true });
  const then = tick();
  writeFileSync(join(path, "model", "weights", "epoch"), "3");
  await removeOldCheckpoints(root, then, { ...hands, lost: undefined });
  expect(existsSync(path)).toBe(true);
  await removeOldCheckpoints(root, tick(), { ...hands, lost: AbortSignal.abort() });
  expect(existsSync(path)).toBe(true);
  await removeOldCheckpoints(root, tick(), hands);
  expect(readdirSync(join(root, "local"))).toEqual([]);
});
