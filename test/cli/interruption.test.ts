import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { recorded, repository, type Bench } from "../sluice.ts";

const STEPS = 8;

/** Steps in a chain, each of which counts in a file outside of everything how often it was computed. */
function counting(): Bench {
  const bench = repository();
  const counter = join(bench.root, "..", `${bench.root.split("/").at(-1) ?? ""}.count`);
  const steps = Array.from({ length: STEPS }, (_, at) => {
    const input = at === 0 ? "" : `    inputs: [o${at - 1}]\n`;
    return `  s${at}:\n    run: 'echo s${at} > o${at}; echo s${at} >> ${counter}'\n${input}    outputs: [o${at}]\n`;
  });
  bench.write("pipelines/p.yaml", `version: 1\nsteps:\n${steps.join("")}`);
  bench.write("sluice.yaml", "version: 1\nsandbox: off\n");
  bench.write(".gitignore", "*.count\n");
  bench.commit();
  return bench;
}

function computed(bench: Bench): Map<string, number> {
  const counts = new Map<string, number>();
  const path = join(bench.root, "..", `${bench.root.split("/").at(-1) ?? ""}.count`);
  for (const line of readFileSync(path, "utf8").trim().split("\n")) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

function killAfter(bench: Bench, milliseconds: number, signal: NodeJS.Signals): Promise<number | null> {
  const child = bench.start("run");
  const timer = setTimeout(() => child.kill(signal), milliseconds);
  return new Promise((resolve) => {
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve(code);
    });
  });
}

// `npm run nightly` takes a hundred seeds; here a handful spread over the time that a run takes.
const kills = Number(process.env["SLUICE_KILLS"] ?? 6);
const seeds = Array.from({ length: kills }, (_, at) => 120 + Math.round((at * 540) / kills));

test.each(seeds)(
  "killed after %d ms, the next run completes, recomputes at most what was under way, and leaves one manifest",
  async (moment) => {
    const bench = counting();

    const killed = await killAfter(bench, moment, "SIGKILL");
    const before = recorded(bench).length;
    const next = await bench.sluice("run");

    expect(next.code, next.stderr).toBe(0);
    expect(recorded(bench)).toHaveLength(1);
    expect(before === 1 || killed !== 0).toBe(true);
    const counts = [...computed(bench).values()];
    expect(counts).toHaveLength(STEPS);
    // Only the one step that was between its last write and its result may have been computed twice.
    expect(counts.filter((count) => count > 1).length).toBeLessThanOrEqual(1);
  },
);

test.each([1, 20, 250])(
  "killed when %d of 300 files of an output are in the store, the next run gives all of them",
  async (enough) => {
    const bench = repository({
      "sluice.yaml": "version: 1\nsandbox: off\n",
      "pipelines/p.yaml":
        "version: 1\nsteps:\n  make: { run: 'mkdir out; for i in $(seq 300); do echo $i > out/$i; done', outputs: [out] }\n  sum: { run: 'cat out/* | sort -n | sha256sum > sum', inputs: [out], outputs: [sum] }\n",
    });
    bench.commit();
    const objects = join(bench.root, ".sluice", "store", "objects");
    const child = bench.start("run");
    const ended = new Promise((resolve) => child.on("close", resolve));
    while (child.exitCode === null && count(objects) < enough) await new Promise((resolve) => setImmediate(resolve));
    child.kill("SIGKILL");
    await ended;

    const next = await bench.sluice("run");
    const verify = await bench.sluice("verify", "--all");
    const again = await bench.sluice("reproduce", "latest");

    expect(next.code, next.stderr).toBe(0);
    expect(recorded(bench)).toHaveLength(1);
    expect(readdirSync(join(bench.root, "out"))).toHaveLength(300);
    for (const nth of [1, 150, 300])
      expect(readFileSync(join(bench.root, "out", String(nth)), "utf8")).toBe(`${nth}\n`);
    expect(verify.code, verify.stdout).toBe(0);
    expect(again.code, again.stdout + again.stderr).toBe(0);
  },
);

function count(objects: string): number {
  try {
    return readdirSync(objects, { recursive: true }).length;
  } catch {
    return 0;
  }
}

test("Ctrl-C ends the tree, keeps what finished, and the next run goes on", async () => {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    "pipelines/p.yaml":
      "version: 1\nsteps:\n  a: { run: echo a > a, outputs: [a] }\n  b: { run: 'test -e /proc/1/nothing || sleep 876; cp a b', inputs: [a], outputs: [b] }\n",
  });
  bench.commit();
  const child = bench.start("run");
  const seen = new Promise<void>((resolve) =>
    child.stderr?.on("data", (chunk: Buffer) => void (chunk.toString().includes("▶ b") && resolve())),
  );

  await seen;
  child.kill("SIGINT");
  const code = await new Promise((resolve) => child.on("close", resolve));

  expect(code).toBe(130);
  expect(bench.git("log", "-1", "--format=%s", "refs/sluice/local")).toBe("p: cancelled\n");
  const { execFileSync } = await import("node:child_process");
  expect(execFileSync("sh", ["-c", "ps -eo args | grep -c '^sleep 876' || true"], { encoding: "utf8" }).trim()).toBe(
    "0",
  );
  bench.write(
    "pipelines/p.yaml",
    "version: 1\nsteps:\n  a: { run: echo a > a, outputs: [a] }\n  b: { run: cp a b, inputs: [a], outputs: [b] }\n",
  );
  const next = await bench.sluice("run");
  expect(next.stderr).toMatch(/✓ a {2}from run/);
});

test("what an abandoned run had computed is in the ledger with the run that takes it", async () => {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    "pipelines/p.yaml":
      "version: 1\nsteps:\n  a: { run: echo a > a, outputs: [a] }\n  b: { run: 'sleep 877; cp a b', inputs: [a], outputs: [b] }\n",
  });
  bench.commit();
  const child = bench.start("run");
  const ended = new Promise((resolve) => child.on("close", resolve));
  await new Promise<void>((resolve) =>
    child.stderr?.on("data", (chunk: Buffer) => void (chunk.toString().includes("▶ b") && resolve())),
  );
  child.kill("SIGKILL");
  await ended;
  bench.write(
    "pipelines/p.yaml",
    "version: 1\nsteps:\n  a: { run: echo a > a, outputs: [a] }\n  b: { run: cp a b, inputs: [a], outputs: [b] }\n",
  );

  const next = await bench.sluice("run");
  const verify = await bench.sluice("verify", "--all");

  expect(next.stderr).toMatch(/✓ a {2}from run/);
  expect(recorded(bench)).toHaveLength(2);
  expect(verify.code, verify.stdout).toBe(0);
});
