import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { giveBack, take, type Slots } from "../../src/executor/slot.ts";
import { canMount } from "../chaos/small-disk.ts";

function slots(): Slots {
  const directory = join(place(), "work");
  return { directory, most: 2, made: [], free: [], waiting: [] };
}

function place(): string {
  const directory = mkdtempSync(join(tmpdir(), "sluice-slots-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test("slots of one directory are nobody else's, of the same process neither", async () => {
  const one = slots();
  const other = { ...slots(), directory: one.directory };

  const taken = [await take(one), await take(other), await take(one), await take(other)];

  expect(new Set(taken.map(({ root }) => root)).size).toBe(4);
});

test("where a second slot cannot be made, the first is waited for", async () => {
  const all = slots();
  const first = await take(all);
  renameSync(all.directory, `${all.directory}.away`);
  writeFileSync(all.directory, "");

  const second = take(all);
  giveBack(all, first);

  expect(await second).toBe(first);
  expect(all.made).toEqual([first]);
});

test("where the first slot cannot be made, nobody waits", async () => {
  const all = slots();
  writeFileSync(all.directory, "");

  await expect(take(all)).rejects.toThrow("EEXIST");
});

test.skipIf(!canMount())(
  `of a slot that was made by half nothing is left${canMount() ? "" : " (skipped: nothing can be mounted here)"}`,
  async () => {
    const directory = place();
    // The root of the disk and four directories: fewer than a slot has.
    spawnSync("mount", ["-t", "tmpfs", "-o", "nr_inodes=5", "tmpfs", directory]);
    onTestFinished(() => void spawnSync("umount", [directory]));

    await expect(take({ ...slots(), directory })).rejects.toThrow("ENOSPC");

    expect(readdirSync(directory)).toEqual([]);
  },
);
