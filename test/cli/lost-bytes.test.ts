import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { digestOf, hexOf } from "../../src/identity/identity.ts";
import { repository, type Bench } from "../sluice.ts";

const pipeline = (word: string): string =>
  `version: 1\nsteps:\n  make: { run: 'mkdir out; echo a > out/a; date +%N > out/b', outputs: [out] }\n  read: { run: 'cat out/* > read; echo ${word} >> read', inputs: ['out/*'], outputs: [read] }\n`;

async function ran(): Promise<Bench> {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    "pipelines/p.yaml": pipeline("first"),
  });
  bench.commit();
  const run = await bench.sluice("run");
  if (run.code !== 0) throw new Error(run.stderr);
  bench.write("pipelines/p.yaml", pipeline("second"));
  return bench;
}

const lines = (bench: Bench): readonly string[] => readFileSync(join(bench.root, "read"), "utf8").trim().split("\n");

test("a step whose directory lost its listing is computed again for whoever reads a part of it", async () => {
  const bench = await ran();
  rmSync(join(bench.root, ".sluice/store/listings"), { recursive: true });

  const plan = await bench.sluice("plan");
  const run = await bench.sluice("run");

  expect(plan.stdout).toMatch(/▶ make +its result is not in this store/);
  expect(run.code, run.stdout + run.stderr).toBe(0);
  expect(lines(bench)).toEqual(["a", expect.stringMatching(/^\d+$/), "second"]);
}, 60_000);

test("a step whose bytes rotted is computed again once somebody has missed them", async () => {
  const bench = await ran();
  bench.write("pipelines/p.yaml", pipeline("first"));
  const hex = hexOf(digestOf(readFileSync(join(bench.root, "read"))));
  const path = join(bench.root, ".sluice/store/objects", hex.slice(0, 2), hex.slice(2));
  chmodSync(path, 0o644);
  writeFileSync(path, "rot");
  rmSync(join(bench.root, "read"));

  const before = await bench.sluice("plan", "--detailed-exitcode");
  const first = await bench.sluice("run");
  const plan = await bench.sluice("plan", "--detailed-exitcode");
  const second = await bench.sluice("run");

  expect(before.code, before.stdout).toBe(0);
  expect(first.stdout + first.stderr).toContain("its bytes are not in the store any more");
  expect(first.code, "an output that could not be brought out is no success").toBe(1);
  expect(plan.code, plan.stdout).toBe(2);
  expect(second.code, second.stdout + second.stderr).toBe(0);
  expect(lines(bench)).toEqual(["a", expect.stringMatching(/^\d+$/), "first"]);
}, 60_000);
