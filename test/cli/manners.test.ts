import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { repository } from "../sluice.ts";

const PIPELINE = "version: 1\nsteps:\n  make: { run: echo made > out/result.txt, outputs: [out/result.txt] }\n";

test("a file that Sluice did not write is moved aside and named, never lost", async () => {
  const bench = repository({ "pipelines/p.yaml": PIPELINE });
  bench.commit();
  bench.write("out/result.txt", "precious\n");

  const run = await bench.sluice("run");

  const kept = /kept at (\S+)/.exec(run.stderr)?.[1] ?? "";
  expect(run.code, run.stderr).toBe(0);
  expect(readFileSync(join(bench.root, kept), "utf8")).toBe("precious\n");
  expect(readFileSync(join(bench.root, "out/result.txt"), "utf8")).toBe("made\n");
});

test("a file that Sluice wrote is replaced without a copy", async () => {
  const bench = repository({ "pipelines/p.yaml": PIPELINE });
  bench.commit();
  await bench.sluice("run");
  bench.write("pipelines/p.yaml", PIPELINE.replace("made", "again"));

  await bench.sluice("run");

  expect(readFileSync(join(bench.root, "out/result.txt"), "utf8")).toBe("again\n");
  expect(existsSync(join(bench.root, ".sluice/replaced"))).toBe(false);
});

test("a person's edit of an output is kept aside, and the output restored", async () => {
  const bench = repository({ "pipelines/p.yaml": PIPELINE });
  bench.commit();
  await bench.sluice("run");
  bench.write("out/result.txt", "edited by hand\n");

  const run = await bench.sluice("run");

  expect(readFileSync(join(bench.root, "out/result.txt"), "utf8")).toBe("made\n");
  const kept = /kept at (\S+)/.exec(run.stderr)?.[1] ?? "";
  expect(readFileSync(join(bench.root, kept), "utf8")).toBe("edited by hand\n");
});

test("branch, index and tracked files stay as they are; outputs are excluded in one marked block", async () => {
  const bench = repository({ "pipelines/p.yaml": PIPELINE });
  bench.commit();
  const before = [bench.git("rev-parse", "HEAD"), bench.git("ls-files", "-s")];

  await bench.sluice("run");

  expect([bench.git("rev-parse", "HEAD"), bench.git("ls-files", "-s")]).toEqual(before);
  expect(bench.git("status", "--porcelain")).toBe("");
  const exclude = readFileSync(join(bench.root, ".git/info/exclude"), "utf8");
  expect(exclude.match(/>>> sluice/g)).toHaveLength(1);
  expect(readdirSync(bench.root).sort()).toEqual([".git", ".sluice", "out", "pipelines"]);
});

test("metrics and plots are outputs to git too: nothing that a run writes gets into a commit by accident", async () => {
  const bench = repository({
    "pipelines/p.yaml": `version: 1
steps:
  make:
    run: "echo '{\\"a\\": 1}' > metrics.json; printf 'x,y\\n1,2\\n' | tee loss.csv > other.csv"
    metrics: [metrics.json]
    plots: [{ path: loss.csv }, { name: both, series: { other: other.csv } }]
`,
  });
  bench.commit();

  const run = await bench.sluice("run");

  expect(run.code, run.stderr).toBe(0);
  expect(readdirSync(bench.root)).toEqual(expect.arrayContaining(["metrics.json", "loss.csv", "other.csv"]));
  expect(bench.git("status", "--porcelain")).toBe("");
});

test("what is written before the first commit is in no commit", async () => {
  const bench = repository({ "pipelines/p.yaml": PIPELINE });

  const plan = await bench.sluice("plan");
  bench.commit();

  expect(plan.code, plan.stderr).toBe(0);
  expect(bench.git("ls-files")).toBe("pipelines/p.yaml\n");
});

test("a tracked output is a problem with the command that mends it", async () => {
  const bench = repository({ "pipelines/p.yaml": PIPELINE, "out/result.txt": "tracked\n" });
  bench.commit();

  const run = await bench.sluice("run");

  expect(run.code).toBe(1);
  expect(run.stderr).toContain("git rm -r --cached out/result.txt");
  expect(readFileSync(join(bench.root, "out/result.txt"), "utf8")).toBe("tracked\n");
});

test("--no-checkout leaves the work tree as it is", async () => {
  const bench = repository({ "pipelines/p.yaml": PIPELINE });
  bench.commit();

  const run = await bench.sluice("run", "--no-checkout");

  expect(run.code).toBe(0);
  expect(existsSync(join(bench.root, "out"))).toBe(false);
});
