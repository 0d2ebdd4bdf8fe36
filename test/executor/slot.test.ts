import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { giveBack, take, type Slots } from "../../src/executor/slot.ts";

function slots(): Slots {
  const directory = mkdtempSync(join(tmpdir(), "sluice-slots-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return { directory, most: 2, made: [], free: [], waiting: [] };
}

/** A file where the third directory of a slot is to be made. */
function spoil({ directory }: Slots, at: number): string {
  const root = join(directory, `slot-${process.pid}-${at}`);
  mkdirSync(root);
  writeFileSync(join(root, "tmp"), "");
  return root;
}

test("where a second slot cannot be made, the first is waited for, and nothing is left behind", async () => {
  const all = slots();
  const first = await take(all);
  const root = spoil(all, 1);

  const second = take(all);
  giveBack(all, first);

  expect(await second).toBe(first);
  expect(all.made).toEqual([first]);
  expect(existsSync(join(root, "workspace"))).toBe(false);
});

test("where the first slot cannot be made, nobody waits", async () => {
  const all = slots();
  spoil(all, 0);

  await expect(take(all)).rejects.toThrow("EEXIST");
});
