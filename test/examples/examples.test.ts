import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { example } from "../sluice.ts";

function hasScikitLearn(): boolean {
  try {
    execFileSync("/usr/bin/python3", ["-c", "import sklearn"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const sklearn = hasScikitLearn();
if (!sklearn) process.stderr.write("examples/digits-sklearn is not run: Debian's python3-sklearn is not installed\n");

test.skipIf(!sklearn)("the digits with scikit-learn: the same bytes again, good enough, from a package in src/", async () => {
  const bench = example("digits-sklearn");

  const run = await bench.sluice("run");
  const again = await bench.sluice("reproduce", "latest");

  expect(run.code, run.stderr).toBe(0);
  expect(JSON.parse(readFileSync(join(bench.root, "reports/metrics.json"), "utf8")).accuracy).toBeGreaterThanOrEqual(0.93);
  expect(again.code, again.stdout).toBe(0);
});

test("a DVC project: init writes a pipeline that runs, and names what it could not carry over", async () => {
  const bench = example("get-started-dvc");

  const init = await bench.sluice("init");
  bench.commit("a pipeline");
  const run = await bench.sluice("run");
  const again = await bench.sluice("init");

  expect(init.stdout).toContain("dvc.yaml:22: not carried over: stage `letters`");
  expect(init.stdout).toMatch(/▶ split +first run/);
  expect(existsSync(join(bench.root, ".sluice/schema/pipeline.schema.json"))).toBe(true);
  expect(run.code, run.stderr).toBe(0);
  expect(run.stdout).toContain("coverage 0.875");
  expect(again.stdout).toContain("this repository has a pipeline already");
});

test("a dataset that is not what its pointer says is refused before anything runs", async () => {
  const bench = example("get-started-dvc");
  await bench.sluice("init");
  bench.commit("a pipeline");
  bench.write("data/words.txt", "other words\n");

  const run = await bench.sluice("run");

  expect(run.code).toBe(1);
  expect(run.stderr).toContain("`data/words.txt` is not what `data/words.txt.dvc` points to");
  expect(run.stderr).toContain("dvc checkout data/words.txt.dvc");
});

test("a ledger that was tampered with is found out offline", async () => {
  const bench = example("digits");
  await bench.sluice("run");

  const sound = await bench.sluice("verify", "--all");
  const manifest = bench.git("ls-tree", "-r", "--name-only", "refs/sluice/local").split("\n").find((path) => path.endsWith("manifest.json")) ?? "";
  const forged = bench.git("show", `refs/sluice/local:${manifest}`).replace("0.975556", "0.999999");
  bench.write("forged.json", forged);
  const blob = bench.git("hash-object", "-w", "forged.json").trim();
  execFileSync("sh", ["-c", `GIT_INDEX_FILE=.git/forge git read-tree refs/sluice/local && GIT_INDEX_FILE=.git/forge git update-index --add --cacheinfo 100644,${blob},${manifest} && git -c user.name=x -c user.email=x@y commit-tree -m "$(git log -1 --format=%B refs/sluice/local)" $(GIT_INDEX_FILE=.git/forge git write-tree) > .git/forged && git update-ref refs/sluice/local $(cat .git/forged)`], { cwd: bench.root });
  const found = await bench.sluice("verify");

  expect(sound.code, sound.stdout).toBe(0);
  expect(sound.stdout).toContain("1 of 1 run verified");
  expect(found.code).toBe(1);
  expect(found.stdout).toMatch(/signature|digest|manifest/);
});
