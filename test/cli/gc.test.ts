import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { expect, test } from "vitest";

import { processSpace } from "../../src/executor/process-space.ts";
import { digestOf, hexOf } from "../../src/identity/identity.ts";
import { recorded, repository, type Bench } from "../sluice.ts";

const pipeline = (word: string, more = ""): string =>
  `version: 1\nsteps:\n  make: { run: 'mkdir out; echo ${word} > out/a; echo same > out/b', outputs: [out] }\n  read: { run: cp out/a read, inputs: [out], outputs: [read] }\n${more}`;

function project(retention = "180d"): Bench {
  const bench = repository({
    "sluice.yaml": `version: 1\nsandbox: off\nretention: { artifacts: ${retention} }\n`,
    "pipelines/p.yaml": pipeline("w0"),
  });
  bench.commit();
  return bench;
}

/** Everything below the store becomes eight days older. */
function age(bench: Bench): void {
  const then = new Date(Date.now() - 8 * 86_400_000);
  const store = join(bench.root, ".sluice/store");
  for (const name of readdirSync(store, { recursive: true, encoding: "utf8" }))
    utimesSync(join(store, name), then, then);
}

function object(bench: Bench, text: string): string {
  const hex = hexOf(digestOf(text));
  return join(bench.root, ".sluice/store/objects", hex.slice(0, 2), hex.slice(2));
}

const stands = (path: string): boolean => {
  try {
    return readFileSync(path).byteLength >= 0;
  } catch {
    return false;
  }
};

test("the last ten runs of a pipeline keep their bytes; what goes is said in the next plan", async () => {
  const bench = project("1d");
  for (let at = 0; at <= 10; at++) {
    bench.write("pipelines/p.yaml", pipeline(`w${at}`));
    await bench.sluice("run");
  }
  expect(recorded(bench)).toHaveLength(11);
  // Eleven runs within a day are all within the retention: only what is older and beyond the ten may go.
  const kept = await bench.sluice("gc", "--all");
  expect(kept.stdout).toContain("removed 0 objects");
  bench.write("sluice.yaml", "version: 1\nsandbox: off\nretention: { artifacts: 1s }\n");
  const young = await bench.sluice("gc");
  expect(young.stdout).toContain("removed 0 objects");

  const gc = await bench.sluice("gc", "--all");
  bench.write("pipelines/p.yaml", pipeline("w0"));
  const plan = await bench.sluice("plan");
  const json = JSON.parse((await bench.sluice("plan", "--json")).stdout) as unknown;
  const run = await bench.sluice("run");
  const after = await bench.sluice("plan");

  expect(gc.code, gc.stderr).toBe(0);
  expect(gc.stdout).toMatch(/^removed [2-9] objects \(.+\) and 2 results\n$/);
  expect(stands(object(bench, "w1\n"))).toBe(true);
  expect(plan.stdout).toMatch(/▶ make +.*its result is not in this store/);
  expect(JSON.stringify(json)).toContain('"evicted"');
  expect(run.code, run.stderr).toBe(0);
  expect(readFileSync(join(bench.root, "read"), "utf8")).toBe("w0\n");
  expect(after.stdout).not.toContain("▶");
}, 240_000);

test("an accepted run that was killed keeps what it computed, and goes on from there", async () => {
  const bench = project("1s");
  bench.write(
    "pipelines/p.yaml",
    pipeline(
      "w0",
      "  wait: { run: 'test -e $GO || sleep 543; echo x > x', env: { GO: GO_FILE }, inputs: [read], outputs: [x] }\n",
    ).replace("GO_FILE", join(bench.root, ".git", "go")),
  );
  bench.commit();
  const child = bench.start("run");
  await new Promise<void>((resolve) =>
    child.stderr?.on("data", (chunk: Buffer) => void (chunk.toString().includes("▶ wait") && resolve())),
  );
  child.kill("SIGKILL");
  await new Promise((resolve) => child.on("close", resolve));
  age(bench);

  const gc = await bench.sluice("gc", "--all");
  writeFileSync(join(bench.root, ".git", "go"), "");
  const next = await bench.sluice("run");

  expect(gc.code, gc.stderr).toBe(0);
  expect(next.code, next.stderr).toBe(0);
  expect(next.stderr).toContain("carrying on run");
  expect(next.stderr).toMatch(/✓ make {2}from run/);
  expect(next.stderr).toMatch(/✓ read {2}from run/);
  expect(recorded(bench)).toHaveLength(1);
});

test("a run under way is not collected beneath its feet", async () => {
  const bench = project();
  bench.write("pipelines/p.yaml", "version: 1\nsteps:\n  wait: { run: sleep 544, outputs: [x] }\n");
  bench.commit();
  const child = bench.start("run");
  await new Promise<void>((resolve) =>
    child.stderr?.on("data", (chunk: Buffer) => void (chunk.toString().includes("▶ wait") && resolve())),
  );

  const gc = await bench.sluice("gc");
  child.kill("SIGINT");
  await new Promise((resolve) => child.on("close", resolve));

  expect(gc.code).toBe(75);
  expect(gc.stderr).toMatch(/a run is going on here \(process \d+\)/);
});

test("a store that a service keeps is left to it", async () => {
  const bench = project();
  await bench.sluice("run");
  bench.write(".sluice/store/users", '{"since":1,"seen":{}}');

  const gc = await bench.sluice("gc", "--all");

  expect([gc.code, gc.stderr.includes("kept by its service")]).toEqual([64, true]);
});

test("leftovers of killed processes go when they are old", async () => {
  const bench = project();
  await bench.sluice("run");
  const leftover = `${object(bench, "w0\n")}.tmp-1-abc-1`;
  writeFileSync(leftover, "half");
  const place = `.sluice/store/work/slot-${processSpace()}-999999999-abcdef`;
  const slot = join(bench.root, place, "workspace/file");
  bench.write(`${place}/workspace/file`, "half");

  await bench.sluice("gc", "--all");

  expect(stands(leftover)).toBe(false);
  expect(stands(slot)).toBe(false);
  expect(stands(object(bench, "w0\n"))).toBe(true);
});

test("what cannot be removed is told with its reason, and keeps nothing else", async () => {
  const bench = project();
  await bench.sluice("run");
  const stuck = join(bench.root, ".sluice/store/objects/00", "0".repeat(62));
  mkdirSync(join(stuck, "below"), { recursive: true });
  writeFileSync(`${object(bench, "w0\n")}.tmp-1-abc-1`, "half");

  const gc = await bench.sluice("gc", "--all");

  expect([gc.code, gc.stdout]).toEqual([1, expect.stringContaining("removed 1 objects (4 B)")]);
  expect(gc.stderr).toContain(`sluice: 1 thing could not be removed\n  ${stuck}: `);
  expect(gc.stderr).toContain(`next: \`ls -ld ${dirname(stuck)}\``);
});

test("bytes that rotted in the store are said, never brought out, and computed again by the next run", async () => {
  const bench = project();
  await bench.sluice("run");
  const file = object(bench, "w0\n");
  chmodSync(file, 0o644);
  writeFileSync(file, "rotten\n");
  rmSync(join(bench.root, "read"));

  const restored = await bench.sluice("run");
  const said = `${restored.stdout}${restored.stderr}`;
  const brought = stands(join(bench.root, "read"));
  const again = await bench.sluice("run");

  expect([said.includes("the next sluice run computes them again"), brought], said).toEqual([true, false]);
  expect(again.code, again.stderr).toBe(0);
  expect(readFileSync(join(bench.root, "read"), "utf8")).toBe("w0\n");
  expect(readFileSync(file, "utf8")).toBe("w0\n");
});
