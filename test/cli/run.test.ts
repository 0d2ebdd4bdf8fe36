import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { ENV, example, recorded, repository } from "../sluice.ts";

describe("the digits, from plan to record", () => {
  test("a first run computes everything, a second one nothing, and records nothing", async () => {
    const bench = example("digits");

    const plan = await bench.sluice("plan", "--detailed-exitcode");
    const first = await bench.sluice("run");
    const second = await bench.sluice("run");
    const third = await bench.sluice("run");

    expect(plan.code).toBe(2);
    expect(plan.stdout).toContain("▶ prepare   first run");
    expect(first.code, first.stderr).toBe(0);
    expect(first.stdout).toMatch(/3 of 3 steps done/);
    expect(JSON.parse(readFileSync(join(bench.root, "reports/metrics.json"), "utf8")).accuracy).toBeGreaterThanOrEqual(
      0.93,
    );
    for (const again of [second, third])
      expect(again).toMatchObject({ code: 0, stdout: "nothing to do: all 3 steps are up to date\n" });
    expect(recorded(bench)).toHaveLength(1);
    expect(bench.git("status", "--porcelain")).toBe("");
    // What was made ready for steps goes with the command, whether there were any or not.
    expect(readdirSync(join(bench.root, ".sluice/store/work"))).toEqual([]);
  });

  test("a changed parameter is the cause of what runs again, and of nothing else", async () => {
    const bench = example("digits");
    await bench.sluice("run");
    bench.write(
      "params.yaml",
      readFileSync(join(bench.root, "params.yaml"), "utf8").replace("learning_rate: 0.1", "learning_rate: 0.05"),
    );

    const plan = await bench.sluice("plan");
    const run = await bench.sluice("run");
    const diff = await bench.sluice("diff", "--json");
    const why = await bench.sluice("explain", "train", "--run", "latest");

    expect(plan.stdout).toMatch(/▶ train +parameter train\.learning_rate 0\.1 → 0\.05/);
    expect(plan.stdout).toMatch(/◇ evaluate +if train gives another model\.json/);
    expect(plan.stdout).toMatch(/✓ prepare +from run/);
    expect(run.stdout).toContain("(1 cached)");
    expect(JSON.parse(diff.stdout)).toMatchObject({ version: 1 });
    expect(diff.stdout).toContain("train.learning_rate");
    expect(why.stdout).toContain("parameter train.learning_rate 0.1 → 0.05");
  });

  test("the ledger is read by plain git: log, trailers, fsck and clone", async () => {
    const bench = example("digits");
    await bench.sluice("run");
    const clone = mkdtempSync(join(tmpdir(), "sluice-clone-"));
    onTestFinished(() => rmSync(clone, { recursive: true, force: true }));

    const metrics = bench.git(
      "log",
      "--format=%(trailers:key=Sluice-Metric,valueonly)",
      "--grep",
      "^Sluice-Pipeline: digits$",
      "refs/sluice/local",
    );
    const fsck = bench.git("fsck", "--strict");
    execFileSync("git", ["init", "-q", clone], { env: ENV });
    execFileSync("git", ["-C", clone, "fetch", "-q", bench.root, "refs/sluice/local:refs/heads/ledger"], { env: ENV });
    const manifest = execFileSync("git", ["-C", clone, "ls-tree", "-r", "--name-only", "ledger"], {
      env: ENV,
      encoding: "utf8",
    });

    expect(metrics).toMatch(/^accuracy=0\.\d+$/m);
    expect(fsck).toBe("");
    expect(manifest).toMatch(/^runs\/..\/..\/[0-9a-z]{26}\/manifest\.json$/m);
  });

  test("a recorded run is computed again with the same bytes, uncommitted files included", async () => {
    const bench = example("digits");
    bench.write(
      "params.yaml",
      readFileSync(join(bench.root, "params.yaml"), "utf8").replace("epochs: 60", "epochs: 5"),
    );
    await bench.sluice("run");
    bench.git("checkout", "-q", "--", "params.yaml");

    const again = await bench.sluice("reproduce", "latest");

    expect(again.code, again.stdout + again.stderr).toBe(0);
    expect(again.stdout).toMatch(/gives the same again: 7 digests and metrics compared/);
    const shown = await bench.sluice("show", "latest");
    expect(shown.stdout).toMatch(/reproduced +yes, 7 digests and metrics compared \(/);
  });

  test("derived files are disposable: the index rebuilt from the ledger gives the same answers", async () => {
    const bench = example("digits");
    await bench.sluice("run");
    const before = await bench.sluice("log", "--json");

    rmSync(join(bench.root, ".sluice", "cache"), { recursive: true });
    const after = await bench.sluice("log", "--json");
    const rebuilt = await bench.sluice("cache", "rebuild");

    expect(after.stdout).toBe(before.stdout);
    expect(rebuilt.stdout).toBe("index rebuilt from the ledger: 1 run\n");

    const shared = "refs/remotes/origin/sluice/ledger";
    bench.git("update-ref", shared, "refs/sluice/local");
    const both = await bench.sluice("cache", "rebuild");
    expect(both.stdout).toBe(`index rebuilt from the ledger: 1 run in refs/sluice/local, 1 run in ${shared}\n`);
  });

  test("an artifact comes out of the store verified", async () => {
    const bench = example("digits");
    await bench.sluice("run");

    const got = await bench.sluice("get", "latest:build/model.json", "-o", "out");
    const lost = await bench.sluice("get", "latest:nothing");

    expect(got.stdout).toMatch(/^out\/build\/model\.json {2}sha256:[0-9a-f]{64}\n$/);
    expect(readFileSync(join(bench.root, "out/build/model.json"))).toEqual(
      readFileSync(join(bench.root, "build/model.json")),
    );
    expect(lost.code).toBe(64);

    bench.write("src/train.mjs", "process.exit(1);\n");
    const failed = await bench.sluice("run");
    const none = await bench.sluice("get", "latest:build/model.json", "-o", "other");
    expect([failed.code, none.code]).toEqual([1, 64]);
    expect(none.stderr).toMatch(
      /^sluice: run \w+ \(it failed\) has no output build\/model\.json\n {2}next: run (\w+) of digits succeeded: sluice get \1:build\/model\.json$/m,
    );
  });
});

test("upstream bytes that stay equal cut off what follows", async () => {
  const bench = repository({
    "pipelines/p.yaml": [
      "version: 1",
      "steps:",
      "  upper:",
      "    run: tr a-z A-Z < word.txt > upper.txt",
      "    inputs: [word.txt]",
      "    outputs: [upper.txt]",
      "  count:",
      "    run: wc -c < upper.txt > count.txt",
      "    inputs: [upper.txt]",
      "    outputs: [count.txt]",
    ].join("\n"),
    "word.txt": "word\n",
  });
  bench.commit();
  await bench.sluice("run");
  bench.write("word.txt", "WORD\n");

  const run = await bench.sluice("run");

  expect(run.stderr).toMatch(/▶ upper {2}input word\.txt changed/);
  expect(run.stderr).toMatch(/✓ count {2}from run/);
});

test("a gate that fails stops what follows and fails the run", async () => {
  const bench = repository({
    "pipelines/p.yaml": [
      "version: 1",
      "steps:",
      "  score:",
      "    run: |",
      "      echo '{\"accuracy\": 0.5}' > score.json",
      "    metrics: [score.json]",
      "  publish: { run: cp score.json published.json, inputs: [score.json], outputs: [published.json] }",
      "metrics:",
      '  accuracy: { step: score, goal: higher, gate: ">= 0.9" }',
    ].join("\n"),
  });
  bench.commit();

  const run = await bench.sluice("run");

  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(/accuracy/);
  expect(run.stderr).toMatch(/Not started: publish/);
});

test("a step that reads a part of another's directory runs again when that part changes, and only then", async () => {
  const pipeline = (part: string, rest: string): string =>
    [
      "version: 1",
      "steps:",
      `  make: { run: 'mkdir -p out/sub; echo ${part} > out/sub/a; echo ${rest} > out/b', outputs: [out] }`,
      "  read: { run: cat out/sub/a > read.txt, inputs: [out/sub], outputs: [read.txt] }",
    ].join("\n");
  const bench = repository({ "pipelines/p.yaml": pipeline("one", "two") });
  bench.commit();
  await bench.sluice("run");

  bench.write("pipelines/p.yaml", pipeline("one", "changed"));
  const rest = await bench.sluice("run");
  bench.write("pipelines/p.yaml", pipeline("changed", "changed"));
  const part = await bench.sluice("run");

  expect(rest.code, rest.stderr).toBe(0);
  expect(rest.stderr).toMatch(/✓ read {2}from run/);
  expect(part.stderr).toMatch(/▶ read/);
  expect(readFileSync(join(bench.root, "read.txt"), "utf8")).toBe("changed\n");
});
