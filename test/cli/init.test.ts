import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { ENV, repository, sluiceIn, type Bench } from "../sluice.ts";

const golden = (name: string): string => join(import.meta.dirname, "../golden/init", name);

/** What `init` printed and wrote, and whether all of it is a pipeline without problems. */
async function initialised(bench: Bench): Promise<string> {
  const { code, stdout, stderr } = await bench.sluice("init");
  const validate = await bench.sluice("validate");
  expect(code, stderr).toBe(0);
  expect(validate.code, validate.stderr).toBe(0);
  const read = (path: string): string => readFileSync(join(bench.root, path), "utf8");
  const printed = stdout.replace(/\n\nisolation: .*$/m, "");
  return `$ sluice init\n${printed}\n$ cat sluice.yaml\n${read("sluice.yaml")}\n$ cat pipelines/main.yaml\n${read("pipelines/main.yaml")}`;
}

const DVC = `stages:
  prepare:
    cmd: python src/prepare.py data/raw.csv
    deps:
      - src/prepare.py
      - data/raw.csv
    params: [seed]
    outs:
      - data/prepared
  train:
    cmd: python src/train.py --lr \${train.lr}
    deps:
      - src/train.py
      - data/prepared
    params:
      - train
    outs:
      - model.pkl:
          cache: false
    metrics:
      - metrics.json:
          cache: false
    plots:
      - loss.csv:
          x: step
          y: loss
  sweep:
    foreach: [1, 2]
    do:
      cmd: echo \${item}
  frozen:
    cmd: date
    frozen: true
    always_changed: true
`;

test("from dvc.yaml", async () => {
  const bench = repository({
    "dvc.yaml": DVC,
    "params.yaml": "seed: 1\ntrain: { lr: 0.1, epochs: 5 }\n",
    "src/prepare.py": "",
    "src/train.py": "",
    "data/raw.csv": "",
  });
  bench.commit();

  await expect(await initialised(bench)).toMatchFileSnapshot(golden("dvc.txt"));
});

test("from a Makefile", async () => {
  const bench = repository({
    Makefile: [
      "CC = gcc",
      "OUT := build",
      "FLAGS = $(shell uname)",
      ".PHONY: all clean",
      "all: build/report.txt",
      "",
      "build/words.txt: data/text.txt split.sh",
      "\t@mkdir -p build",
      "\tsh split.sh $< > $@",
      "",
      "$(OUT)/report.txt: build/words.txt | build",
      "\t-rm old",
      "\twc -l $^ > $@ && echo $$HOME $$(date)",
      "build/report.txt: split.sh",
      "",
      "build/report.csv: build/words.txt",
      "\t$(CC) --csv $< -o $@",
      "",
      "build/flags: split.sh",
      "\techo $(FLAGS) > $@",
      "",
      "%.o: %.c",
      "\t$(CC) -c $<",
      "",
      "clean:",
      "\trm -rf build",
      "",
    ].join("\n"),
    "data/text.txt": "a\nb\n",
    "split.sh": "cat",
  });
  bench.commit();

  await expect(await initialised(bench)).toMatchFileSnapshot(golden("makefile.txt"));
});

test("from scripts whose names say what they do", async () => {
  const bench = repository({
    "src/train.py": "",
    "src/evaluate.py": "",
    "scripts/download.sh": "",
    "scripts/train.sh": "",
    "README.md": "",
  });
  bench.commit();

  await expect(await initialised(bench)).toMatchFileSnapshot(golden("scripts.txt"));
});

test("from nothing: a pipeline that shows the form, and runs", async () => {
  const bench = repository({ "README.md": "" });
  bench.commit();

  await expect(await initialised(bench)).toMatchFileSnapshot(golden("nothing.txt"));
  bench.commit("a pipeline");
  const run = await bench.sluice("run");
  expect(run.code, run.stderr).toBe(0);
  expect(readFileSync(join(bench.root, "build/count.txt"), "utf8").trim()).toBe("6");
});

test("the glob of the settings takes what is written, which is to be committed before it runs", async () => {
  const bench = repository({ "sluice.yaml": 'version: 1\npipelines: "ml/*/*.yml"\n', "train.py": "" });

  const { code, stdout } = await bench.sluice("init");

  expect(stdout).toMatch(
    /^wrote ml\/main\/main\.yml\n[^]*Before it runs, commit it with what it reads: git add ml\/main\/main\.yml sluice\.yaml train\.py &&[^]*Next: `sluice run`\n$/,
  );
  // Without a commit a run says the same.
  const refused = await bench.sluice("run");
  expect(refused.code).toBe(1);
  const line = /git add .*/.exec(stdout)?.[0] ?? "";
  expect(refused.stderr).toContain(`there is no commit yet\n  next: ${line}\n`);
  execFileSync("sh", ["-c", line], { cwd: bench.root, env: ENV, stdio: "ignore" });
  expect(bench.git("status", "--porcelain")).toBe("");
  expect(readFileSync(join(bench.root, "ml/main/main.yml"), "utf8")).toContain("$schema=../../.sluice/");
  expect(code).toBe(0);
});

test("what stands below the root is not converted, and that is said before anything is written", async () => {
  const make = { Makefile: "out: in\n\tcp in out\n", in: "" };
  const bench = repository({ "my ml/Makefile": make.Makefile, "my ml/in": "" });
  const below = join(bench.root, "my ml");

  const alone = await sluiceIn(below, ["init"]);

  expect(alone.code).toBe(1);
  expect(alone.stderr).toContain("my ml/Makefile is not looked at: `sluice init` converts what stands at the root");
  expect(alone.stderr).toContain("`run: cd 'my ml' && …` and paths that begin with my ml/");
  expect(bench.git("status", "--porcelain", "-uall").split("\n")).toEqual(['?? "my ml/Makefile"', '?? "my ml/in"', ""]);

  for (const [path, text] of Object.entries(make)) bench.write(path, text);
  const both = await sluiceIn(below, ["init"]);
  expect(both.code, both.stderr).toBe(0);
  expect(both.stderr).toContain("my ml/Makefile is not looked at");
  expect(both.stdout).toMatch(
    /from Makefile\n[^]*git add :\/in :\/pipelines\/main\.yaml :\/sluice\.yaml && git commit/,
  );
});

test("what stands there is never overwritten, and the schema that editors use is written in any case", async () => {
  const settings = "version: 1\n# mine\n";
  const bench = repository({ "sluice.yaml": settings, "train.py": "" });
  bench.commit();
  const first = await bench.sluice("init");
  const pipeline = readFileSync(join(bench.root, "pipelines/main.yaml"), "utf8");

  const again = await bench.sluice("init");

  expect(first.stdout).toMatch(/^wrote pipelines\/main\.yaml\n/);
  expect(readFileSync(join(bench.root, "sluice.yaml"), "utf8")).toBe(settings);
  expect(again.stdout).toContain("has a pipeline already");
  expect(readFileSync(join(bench.root, "pipelines/main.yaml"), "utf8")).toBe(pipeline);
  expect(pipeline).toMatch(/^# yaml-language-server: \$schema=\.\.\/\.sluice\/schema\/pipeline\.schema\.json\n/);
  const schema = join(bench.root, ".sluice/schema/pipeline.schema.json");
  const written = readFileSync(schema, "utf8");
  expect(written).toBe(readFileSync(join(import.meta.dirname, "../../pipelines-schema/pipeline.schema.json"), "utf8"));
  // Any command refreshes what another version wrote.
  bench.write(".sluice/schema/pipeline.schema.json", "{}\n");
  await bench.sluice("validate");
  expect(readFileSync(schema, "utf8")).toBe(written);
  expect(
    bench
      .git("status", "--porcelain", "--ignored")
      .split("\n")
      .filter((line) => line.includes(".sluice")),
  ).toEqual(["!! .sluice/"]);
});
