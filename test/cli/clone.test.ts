import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import { ENV, repository, sluiceIn } from "../sluice.ts";

const PIPELINE = "version: 1\nsteps:\n  make: { run: cp data.bin out, inputs: [data.bin], outputs: [out] }\n";
const SETTINGS = "version: 1\nsandbox: off\n";

test("a required filter that fails is a problem with the file, what failed and what to type", async () => {
  const bench = repository({ "sluice.yaml": SETTINGS, "pipelines/p.yaml": PIPELINE, "data.bin": "bytes\n" });
  bench.commit();
  bench.write(".gitattributes", "data.bin filter=vault\n");
  bench.git("config", "filter.vault.clean", "no-such-program");
  bench.git("config", "filter.vault.required", "true");

  const run = await bench.sluice("run");

  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(
    /^data\.bin:1:1: error: git's filter `vault` fails on this file \(.*(not found|No such file).*\)/,
  );
  expect(run.stderr).toContain("git add --dry-run data.bin");
});

test("where only a service recorded runs, `log` says on which branch", async () => {
  const bench = repository({ "sluice.yaml": SETTINGS, "pipelines/p.yaml": PIPELINE, "data.bin": "bytes\n" });
  bench.commit();
  bench.git("update-ref", "refs/remotes/origin/sluice/ledger", "HEAD");

  const log = await bench.sluice("log", "p");

  expect(log.stderr).toBe(
    "no run of p is recorded here; what the service recorded is on origin/sluice/ledger\n  next: git log --format='%h %s' --grep '^Sluice-Pipeline: p$' origin/sluice/ledger, or sluice run p\n",
  );
});

test("without git-lfs installed its files are read as they stand, with the digest that a pointer would name", async () => {
  const bench = repository({ "sluice.yaml": SETTINGS, "pipelines/p.yaml": PIPELINE, "data.bin": "bytes\n" });
  bench.commit();
  await bench.sluice("run");
  bench.write(".gitattributes", "data.bin filter=lfs -text\n");
  bench.git("config", "filter.lfs.clean", "no-such-git-lfs clean -- %f");
  bench.git("config", "filter.lfs.required", "true");

  const plan = await bench.sluice("plan");

  expect(plan.code, plan.stderr).toBe(0);
  expect(plan.stdout).toContain("cached");
});

test("a pointer whose object was not fetched is never what a step reads in the object's place", async () => {
  const object = "bytes\n".repeat(30);
  const pointer = `version https://git-lfs.github.com/spec/v1\noid ${digestOf(object)}\nsize ${object.length}\n`;
  const bench = repository({ "sluice.yaml": SETTINGS, "pipelines/p.yaml": PIPELINE, "data.bin": pointer });
  bench.commit();

  const pointed = await bench.sluice("run");
  bench.write("data.bin", object);
  const fetched = await bench.sluice("run");

  expect(pointed.code).toBe(1);
  expect(pointed.stderr).toContain("data.bin is a Git-LFS pointer, and its object is not here");
  expect(pointed.stderr).toContain("Next: `git lfs pull`, then `sluice run`");
  expect(fetched.code, fetched.stderr).toBe(0);
  expect(readFileSync(join(bench.root, "out"), "utf8")).toBe(object);
});

test("a plan warns of pointers at the input that names them, and only where a step is to read them", async () => {
  const object = "bytes\n".repeat(30);
  const pointer = `version https://git-lfs.github.com/spec/v1\noid ${digestOf(object)}\nsize ${object.length}\n`;
  const bench = repository({
    "sluice.yaml": SETTINGS,
    "pipelines/p.yaml": PIPELINE,
    "data.bin": pointer,
    ".gitattributes": "data.bin filter=lfs -text\n",
  });
  bench.commit();

  const pointed = await bench.sluice("plan");
  bench.write("data.bin", object);
  const fetched = await bench.sluice("run");
  bench.write("data.bin", pointer);
  const computed = await bench.sluice("plan");

  expect(pointed.code).toBe(0);
  expect(pointed.stderr).toMatch(
    /^pipelines\/p\.yaml:3:\d+: warning: `data\.bin` is a Git-LFS pointer, and its object is not here: .*\n[^]*next: git lfs pull/,
  );
  expect(fetched.stderr).not.toContain("pointer");
  expect(computed.stderr).toBe("");
  expect(computed.stdout).toContain("cached");
});

test("a shallow clone says what it cannot know, in `run` and in `doctor`", async () => {
  const bench = repository({ "sluice.yaml": SETTINGS, "pipelines/p.yaml": PIPELINE, "data.bin": "bytes\n" });
  bench.commit();
  bench.commit("second");
  const clone = join(bench.root, ".git", "clone");
  execFileSync("git", ["clone", "-q", "--depth", "1", `file://${bench.root}`, clone], { env: ENV });

  const run = await sluiceIn(clone, ["run"]);
  const doctor = await sluiceIn(clone, ["doctor"]);

  expect(run.code, run.stderr).toBe(0);
  expect(run.stderr).toContain("this clone is shallow");
  expect(doctor.stdout).toMatch(/! history +a shallow clone/);
  expect(doctor.stdout).toContain("git fetch --unshallow");
  expect((await bench.sluice("doctor")).stdout).toMatch(/✓ history +complete/);
});

test("a shallow clone with a ledger keeps the name that the ledger has", async () => {
  const bench = repository({ "sluice.yaml": SETTINGS, "pipelines/p.yaml": PIPELINE, "data.bin": "bytes\n" });
  bench.commit();
  bench.commit("second");
  await bench.sluice("run");
  const clone = join(bench.root, ".git", "clone");
  execFileSync("git", ["clone", "-q", "--depth", "1", `file://${bench.root}`, clone], { env: ENV });
  execFileSync("git", ["fetch", "-q", "origin", "refs/sluice/local:refs/sluice/local"], { cwd: clone, env: ENV });

  await sluiceIn(clone, ["run", "--force", "make"]);
  const named = async (cwd: string): Promise<string> =>
    (JSON.parse((await sluiceIn(cwd, ["show", "latest", "--json"])).stdout) as { run: { repository: string } }).run
      .repository;

  expect(await named(clone)).toBe(await named(bench.root));
});

test("a whole number that a double does not hold is recorded and shown with all its digits, and judged", async () => {
  const metrics = 'metrics: { tokens: { step: count, goal: higher, gate: ">= 10" } }\n';
  const pipeline = (tokens: string): string =>
    `version: 1\n${metrics}steps:\n  count:\n    run: |\n      echo '{"tokens": ${tokens}}' > m.json\n    metrics: [m.json]\n`;
  const bench = repository({ "sluice.yaml": SETTINGS, "pipelines/p.yaml": pipeline("9007199254740993") });
  bench.commit();

  const run = await bench.sluice("run");
  bench.write("pipelines/p.yaml", pipeline("9107199254740993"));
  await bench.sluice("run");
  const show = await bench.sluice("show", "latest~1");
  const diff = await bench.sluice("diff");
  const verify = await bench.sluice("verify", "--all");

  expect(run.code, run.stderr).toBe(0);
  expect(run.stdout).toContain("tokens 9007199254740993");
  expect(show.stdout).toContain("9007199254740993");
  expect(diff.stdout).toMatch(/tokens.*9007199254740993.*9107199254740993.*better/);
  expect(verify.code, verify.stdout).toBe(0);
});
