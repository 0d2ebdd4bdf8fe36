import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import type { RunId } from "../../src/identity/identity.ts";
import { begunAttempts } from "../../src/store/begun-attempts.ts";

const NAME = "0123456789abcdef";

test("what a worker began is there for every process until its run is recorded", async () => {
  const root = mkdtempSync(join(tmpdir(), "sluice-begun-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const [run, other] = ["0".repeat(26), "1".repeat(26)] as [RunId, RunId];
  await begunAttempts(root).begin(run, `${NAME}-1`);
  await begunAttempts(root).begin(run, `${NAME}-1`);
  await begunAttempts(root).begin(other, `${NAME}-2`);
  const after = begunAttempts(root);
  expect((await after.of(run)).map(({ id }) => id)).toEqual([`${NAME}-1`, `${NAME}-1`]);
  await after.forget(run);
  expect(await after.of(run)).toEqual([]);
  expect(await after.of(other)).toHaveLength(1);
});
