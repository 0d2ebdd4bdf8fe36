import { lstatSync, readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { repository } from "../sluice.ts";

const OFF = "version: 1\nsandbox: off\n";

test.each(["auto", "off"])("sandbox %s: a link is staged as a link, with what it leads to", async (sandbox) => {
  const bench = repository({
    "sluice.yaml": `version: 1\nsandbox: ${sandbox}\n`,
    "data/v1.csv": "one\n",
    "data/v2/a.csv": "two\n",
    "src/lib/x.txt": "lib\n",
    "pipelines/p.yaml": [
      "version: 1",
      "steps:",
      "  read:",
      "    run: readlink now src/same > out.txt; cat now latest/a.csv src/same/x.txt >> out.txt",
      "    inputs: [now, latest/a.csv, src]",
      "    outputs: [out.txt]",
    ].join("\n"),
  });
  symlinkSync("data/v1.csv", join(bench.root, "now"));
  symlinkSync("data/v2", join(bench.root, "latest"));
  symlinkSync("lib", join(bench.root, "src", "same"));
  bench.commit();

  const run = await bench.sluice("run");
  const again = await bench.sluice("run");
  bench.write("data/v1.csv", "changed\n");
  const changed = await bench.sluice("plan");
  bench.write("data/v1.csv", "one\n");
  rmSync(join(bench.root, "src", "same"));
  symlinkSync("./lib", join(bench.root, "src", "same"));
  const moved = await bench.sluice("plan");

  expect(run.code, run.stderr).toBe(0);
  expect(readFileSync(join(bench.root, "out.txt"), "utf8")).toBe("data/v1.csv\nlib\none\ntwo\nlib\n");
  expect(again.stdout).toContain("nothing to do");
  expect(changed.stdout).toMatch(/▶ read +input data\/v1\.csv changed/);
  expect(moved.stdout).toMatch(/▶ read +input src changed/);
});

test("a link out of the repository is a problem at its line, and nothing is read through it", async () => {
  const bench = repository({
    "pipelines/p.yaml": "version: 1\nsteps:\n  read: { run: cat now, inputs: [now], outputs: [o] }\n",
  });
  symlinkSync("/etc/hostname", join(bench.root, "now"));
  bench.commit();

  const run = await bench.sluice("run");

  expect(run.code).toBe(1);
  expect(run.stderr).toContain("pipelines/p.yaml:3:34: ");
  expect(run.stderr).toContain("the symbolic link `now` leads to `/etc/hostname`, outside the repository");
});

test("a link means the same in a commit as in the work tree", async () => {
  const bench = repository({
    "sluice.yaml": OFF,
    "data/v1": "one\n",
    "pipelines/p.yaml": "version: 1\nsteps:\n  read: { run: cat d/now > o, inputs: [d], outputs: [o] }\n",
  });
  bench.write("d/x", "");
  symlinkSync("../data/v1", join(bench.root, "d", "now"));
  bench.commit();
  await bench.sluice("run");

  const unchanged = await bench.sluice("plan", "--base", "HEAD");
  const again = await bench.sluice("reproduce", "latest");

  expect(unchanged.stdout).not.toContain("▶");
  expect(again.code, again.stdout + again.stderr).toBe(0);
});

test("links inside an output directory stand in the work tree, and reach a step that selects one", async () => {
  const bench = repository({
    "sluice.yaml": OFF,
    "pipelines/p.yaml": [
      "version: 1",
      "steps:",
      "  make: { run: mkdir out && echo one > out/one.txt && ln -s one.txt out/now.txt, outputs: [out] }",
      "  read: { run: cat out/now.txt > read.txt && readlink out/now.txt >> read.txt, inputs: [out/now.txt, out/one.txt], outputs: [read.txt] }",
    ].join("\n"),
  });
  bench.commit();

  const run = await bench.sluice("run");
  const again = await bench.sluice("run");
  rmSync(join(bench.root, "out/now.txt"));
  const restored = await bench.sluice("run");

  expect(run.code, run.stderr).toBe(0);
  expect(readFileSync(join(bench.root, "read.txt"), "utf8")).toBe("one\none.txt\n");
  expect(again.stdout).toContain("nothing to do");
  expect(restored.code, restored.stderr).toBe(0);
  expect(readlinkSync(join(bench.root, "out/now.txt"))).toBe("one.txt");
  expect(bench.git("status", "--porcelain")).toBe("");
});

test("a file of the user's where an output has a link is moved aside, never lost", async () => {
  const bench = repository({
    "sluice.yaml": OFF,
    "pipelines/p.yaml":
      "version: 1\nsteps:\n  make: { run: mkdir out && echo one > out/a && ln -s a out/b, outputs: [out] }\n",
  });
  bench.commit();
  bench.write("out/b", "mine\n");

  const run = await bench.sluice("run");
  const kept = /is kept at (\S+)/.exec(run.stderr)?.[1] ?? "";

  expect(run.code, run.stderr).toBe(0);
  expect(readFileSync(join(bench.root, kept), "utf8")).toBe("mine\n");
  expect(lstatSync(join(bench.root, "out/b")).isSymbolicLink()).toBe(true);
});

test("a directory that was an output gives way to a file of that name, without a word", async () => {
  const text = (run: string): string => `version: 1\nsteps:\n  make: { run: ${run}, outputs: [z] }\n`;
  const bench = repository({ "sluice.yaml": OFF, "pipelines/p.yaml": text("mkdir -p z/deep && echo 1 > z/deep/a") });
  bench.commit();
  await bench.sluice("run");
  bench.write("pipelines/p.yaml", text("echo 2 > z"));

  const run = await bench.sluice("run");

  expect(run.code, run.stderr).toBe(0);
  expect(run.stderr).not.toContain("is kept at");
  expect(readFileSync(join(bench.root, "z"), "utf8")).toBe("2\n");
});

test("a glob inside another step's directory: only what it selects decides", async () => {
  const pipeline = (csv: string, rest: string): string =>
    [
      "version: 1",
      "steps:",
      `  make: { run: 'mkdir -p out/sub; echo ${csv} > out/a.csv; echo ${csv} > out/sub/b.csv; echo ${rest} > out/c.txt', outputs: [out] }`,
      '  read: { run: "find out -type f | sort | xargs cat > read.txt", inputs: ["out/**/*.csv"], outputs: [read.txt] }',
    ].join("\n");
  const bench = repository({ "sluice.yaml": OFF, "pipelines/p.yaml": pipeline("one", "two") });
  bench.commit();
  const first = await bench.sluice("run");
  const read = (): string => readFileSync(join(bench.root, "read.txt"), "utf8");
  const before = read();

  bench.write("pipelines/p.yaml", pipeline("one", "changed"));
  const rest = await bench.sluice("run");
  bench.write("pipelines/p.yaml", pipeline("changed", "changed"));
  const part = await bench.sluice("run");

  expect(first.code, first.stderr).toBe(0);
  expect(before).toBe("one\none\n");
  expect(rest.stderr).toMatch(/✓ read {2}from run/);
  expect(part.stderr).toMatch(/▶ read/);
  expect(read()).toBe("changed\nchanged\n");
});

test("a source edited while a step runs never gives a result to the old key", async () => {
  const bench = repository({
    "sluice.yaml": OFF,
    "in.txt": "old\n",
    "pipelines/p.yaml":
      'version: 1\nsteps:\n  slow: { run: "cat in.txt > out.txt; echo edited > $ROOT/in.txt", env: { ROOT: ROOT_PATH }, inputs: [in.txt], outputs: [out.txt] }\n',
  });
  bench.write(
    "pipelines/p.yaml",
    readFileSync(join(bench.root, "pipelines/p.yaml"), "utf8").replace("ROOT_PATH", bench.root),
  );
  bench.commit();

  const run = await bench.sluice("run");
  bench.write("in.txt", "old\n");
  const plan = await bench.sluice("plan");

  expect(run.code).toBe(1);
  expect(run.stderr).toContain("in.txt changed after the run was planned");
  expect(plan.stdout).toMatch(/▶ slow/);
});

test("a dataset directory that changes while a step runs fails the attempt by name", async () => {
  const bench = repository({
    "sluice.yaml": OFF,
    ".gitignore": "data\n",
    "data/a": "1\n",
    "data/b": "2\n",
    "pipelines/p.yaml":
      'version: 1\ndatasets:\n  raw: { path: data }\nsteps:\n  read: { run: "cat data/a > out; echo 3 > $ROOT/data/b", env: { ROOT: ROOT_PATH }, inputs: ["dataset:raw"], outputs: [out] }\n',
  });
  bench.write(
    "pipelines/p.yaml",
    readFileSync(join(bench.root, "pipelines/p.yaml"), "utf8").replace("ROOT_PATH", bench.root),
  );
  await bench.sluice("data", "add", "raw");
  bench.commit();

  const run = await bench.sluice("run");

  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(/dataset `?raw`?/);
});

test("mistakes of a file's form and of its inputs are told in one go, in the order of the file", async () => {
  const bench = repository({
    "params.yaml": "rate: 1\n",
    "pipelines/p.yaml": [
      "version: 1",
      "params: params.yaml",
      "steps:",
      "  a: { run: x, inputs: [data.csv], timout: 3m, outputs: [o] }",
      "  b: { run: y, params: [rat], timeout: soon }",
    ].join("\n"),
  });
  bench.commit();

  const { code, stderr } = await bench.sluice("validate");

  expect(code).toBe(1);
  const places = [...stderr.matchAll(/^pipelines\/p\.yaml:(\d+:\d+): error/gm)].map(([, place]) => place);
  expect(places).toEqual(["4:25", "4:36", "5:25", "5:40"]);
  expect(stderr).toContain("did you mean `rate`?");
});

test("data that git ignores is named as a dataset, and a file that was deleted by hand comes back by git", async () => {
  const bench = repository({
    ".gitignore": "*.csv\n",
    "big.csv": "1\n",
    "data/a.csv": "2\n",
    "src/one.mjs": "3\n",
    "src/ones.mjs": "3\n",
    "pinned.json": "4\n",
    "pipelines/p.yaml": [
      "version: 1",
      "datasets: { pinned: { path: pinned.json } }",
      "steps:",
      "  a: { run: cat big.csv, inputs: [big.csv] }",
      "  b: { run: cat data/a.csv, inputs: [data] }",
      "  c: { run: cat src/one.mjs, inputs: [src/one.mjs] }",
      "  d: { run: cat pinned.json, inputs: [dataset:pinned] }",
      '  e: { run: cat data/a.csv, inputs: ["data/*.csv"] }',
    ].join("\n"),
  });
  bench.write("uv.lock", "");
  bench.write("more.yaml", "a: 1\n");
  bench.write("pipelines/q.yaml", "version: 1\nparams: more.yaml\nsteps:\n  a: { run: 'true' }\n");
  bench.write("pipelines/r.yaml", "version: 1\nsteps:\n  a: { run: 'true', environment: { uv: . } }\n");
  bench.commit();
  for (const path of ["src/one.mjs", "pinned.json", "uv.lock", "more.yaml"]) rmSync(join(bench.root, path));

  const plan = await bench.sluice("plan");

  expect(plan.stderr).toContain("`big.csv` is here but git ignores it\n");
  expect(plan.stderr).toContain("`datasets: { big: { path: big.csv } }` and `inputs: [dataset:big]`");
  expect(plan.stderr).toContain("then `sluice data add data`\n");
  expect(plan.stderr).toContain("next: `data` is here but git ignores it: name it as a dataset");
  expect(plan.stderr).toContain("next: git restore src/one.mjs\n");
  expect(plan.stderr).toContain("next: git restore pinned.json\n");
  expect(plan.stderr).toContain("next: git restore uv.lock\n");
  expect(plan.stderr).toContain("next: git restore more.yaml\n");
});

test("a step that fails for want of ignored data shows the dataset to name, whose words then work", async () => {
  const bench = repository({
    ".gitignore": "*.csv\n",
    "data/big.csv": "1\n",
    "pipelines/p.yaml": "version: 1\nsteps:\n  get: { run: cp data/big.csv o, outputs: [o] }\n",
  });
  bench.commit();

  const failed = await bench.sluice("run", "--fix");
  const [, datasets = "", inputs = ""] = /Name it as a dataset:\n\n +(.*)\n +(.*)\n/.exec(failed.stderr) ?? [];
  bench.write(
    "pipelines/p.yaml",
    `version: 1\n${datasets}\nsteps:\n  get: { run: cp data/big.csv o, outputs: [o], ${inputs} }\n`,
  );
  const added = await bench.sluice("data", "add", "big");
  const run = await bench.sluice("run");

  expect(failed.stderr).toContain("Next: name `data/big.csv` as a dataset, then `sluice data add big`");
  expect([added.code, run.code], run.stderr).toEqual([0, 0]);
});
