import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { parsePipeline } from "../../src/pipeline/parse-pipeline.ts";
import { parseSettings } from "../../src/pipeline/parse-settings.ts";
import { DEFAULT_SETTINGS } from "../../src/pipeline/settings.ts";
import { parsed } from "../builders/pipeline.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/pipelines");

const problemsOf = (text: string): readonly string[] =>
  parsePipeline({ path: "p.yaml", bytes: new TextEncoder().encode(text) }).problems.map(
    ({ at, code }) => `${at.line}:${at.column} ${code}`,
  );

const step = (body: string): string => `version: 1\nsteps:\n  a: ${body}\n`;

describe("pipelines as their authors would like to write them", () => {
  test("get-started is read without a complaint", () => {
    expect(problemsOf(readFileSync(join(FIXTURES, "valid/get-started.yaml"), "utf8"))).toEqual([]);
  });

  test.each([
    [
      "finetune.yaml",
      [
        "8:16 not-in-this-version",
        "10:1 not-in-this-version",
        "19:5 not-in-this-version",
        "20:10 not-in-this-version",
        "20:10 not-in-this-version",
        "24:14 not-in-this-version",
        "25:5 not-in-this-version",
        "32:5 not-in-this-version",
      ],
    ],
    [
      "daily-features.yaml",
      ["8:1 not-in-this-version", "13:18 template-place", "13:85 not-in-this-version", "35:14 not-in-this-version"],
    ],
  ])("%s is told what is not in this version, each at its own line", (file, expected) => {
    expect(problemsOf(readFileSync(join(FIXTURES, "invalid", file), "utf8"))).toEqual(expected);
  });
});

describe("what YAML itself makes easy to get wrong", () => {
  test.each([
    ["an unquoted exclusion is a tag", step("{ run: x, inputs: [a, !b/**] }"), ["3:28 tag"]],
    ["an unquoted star is an alias", step("{ run: x, inputs: [*.csv] }"), ["3:25 alias"]],
    ["merge keys", "version: 1\nsteps:\n  a: &a { run: x }\n  b:\n    <<: *a\n    run: y\n", ["5:5 merge-key"]],
    ["YAML 1.1 asked for", "%YAML 1.1\n---\nversion: 1\nsteps: { a: { run: x } }\n", ["1:1 yaml-version"]],
    ["a NUL in a text", step('{ run: x, salt: "a\\0" }'), ["3:22 text"]],
    [
      "a name that programs trip over",
      "version: 1\nparams: { __proto__: 1 }\nsteps: { a: { run: x } }\n",
      ["2:11 key"],
    ],
    [
      "deep nesting",
      `version: 1\nparams: ${"[".repeat(70)}${"]".repeat(70)}\nsteps: { a: { run: x } }\n`,
      ["2:73 too-deep"],
    ],
  ])("%s", (_, text, expected) => {
    expect(problemsOf(text)).toEqual(expected);
  });

  test("thirty thousand aliases are looked up once each", () => {
    const text = `version: 1\nparams:\n  x: &x 1\n  l:\n${"    - *x\n".repeat(30_000)}steps: { a: { run: x } }\n`;
    expect(parsed(text).params[0]).toMatchObject({ kind: "map" });
  });

  test("nesting that no parser survives is a Problem", () => {
    const { value, problems } = parsePipeline({ path: "p.yaml", bytes: new TextEncoder().encode("[".repeat(20_000)) });
    expect(value).toBeNull();
    expect(problems.map(({ code }) => code)).toEqual(["too-deep"]);
  });
});

describe("one mistake, one Problem, whatever the forms are", () => {
  test.each([
    ["a key that no environment knows", step("{ run: x, environment: { venvv: .venv } }"), ["3:31 unknown-key"]],
    ["a number where text or a list stands", step("{ run: 5 }"), ["3:13 bad-value"]],
    ["a blank command", step("{ run: '  ' }"), ["3:13 bad-value"]],
    ["a template that is never closed", step("{ run: 'x ${{ params.a' }"), ["3:13 bad-template"]],
    ["a template in an output", step("{ run: x, outputs: ['o/${{ params.a }}'] }"), ["3:26 template-place"]],
    ["a dataset of two kinds", `${step("{ run: x }")}datasets: { d: { dvc: d.dvc, path: d } }\n`, ["4:13 bad-dataset"]],
    ["a dataset outside", `${step("{ run: x }")}datasets: { d: { path: ../d } }\n`, ["4:24 outside-path"]],
    ["a parameters file outside", `${step("{ run: x }")}params: /etc/params.yaml\n`, ["4:9 absolute-path"]],
    ["a version of later", "version: 2\nnews: 1\n", ["1:10 newer-version"]],
    [
      "cron lines that differ on every look, or never come",
      `${step("{ run: x }")}on: { schedule: [{ cron: H H * * *, refresh: [a] }, { cron: 0 0 31 2 *, refresh: [a] }] }\n`,
      ["4:26 bad-cron", "4:61 bad-cron"],
    ],
  ])("%s", (_, text, expected) => {
    expect(problemsOf(text)).toEqual(expected);
  });

  test.each([
    [step("{ run: x, env: { THREADS: 1 } }"), 'quote it: "1"'],
    [step('{ run: x, environment: { image: "python:3.11" } }'), "type `sluice pin`, which writes the digest"],
    [step("{ run: x, inputs: [a, !b/**] }"), 'quote it if it is a pattern: "!b/**"'],
    [step("{ run: x, outptus: [a] }"), "did you mean `outputs`?"],
  ])("the next action is one to take: %j", (text, next) => {
    const { problems } = parsePipeline({ path: "p.yaml", bytes: new TextEncoder().encode(text) });
    expect(problems.map((problem) => problem.next)).toEqual([next]);
  });

  test("a broken step hides nothing of the others", () => {
    const text =
      "version: 1\nsteps:\n  a: {}\n  b: { run: x, outputs: [/x] }\n  c:\non: { schedule: [{ cron: 0 4 * * 1, refresh: [a, c] }] }\n";
    expect(problemsOf(text)).toEqual(["3:3 missing-key", "4:26 absolute-path", "5:5 bad-value"]);
  });
});

describe("the only shape", () => {
  test("steps keep the order of the file, numbers too", () => {
    const pipeline = parsed("version: 1\nsteps:\n  b: { run: x }\n  '10': { run: x }\n  '2': { run: x }\n");
    expect(pipeline.steps.map(({ name }) => name)).toEqual(["b", "10", "2"]);
  });

  test("defaults: maps deep, lists appended, scalars replaced, names once, another environment instead", () => {
    const [own] = parsed(
      [
        "version: 1",
        "defaults:",
        "  { timeout: 1m, params: [s], env: { A: '1', B: '1' }, retry: { on: [lost] }, environment: { venv: .venv } }",
        "steps:",
        "  a: { run: x, timeout: 2m, params: [s, t], env: { B: '2' }, retry: { on: [oom, lost] }, environment: { node: ./a//package-lock.json } }",
      ].join("\n"),
    ).steps;

    expect(own).toMatchObject({
      timeoutMs: 120_000,
      env: { A: "1", B: "2" },
      environment: { kind: "node", lock: "a/package-lock.json" },
    });
    expect(own?.params.map(({ name }) => name)).toEqual(["s", "t"]);
    expect(own?.retry.on).toEqual(["lost", "oom"]);
  });
});

describe("settings", () => {
  const settings = (text: string): ReturnType<typeof parseSettings> =>
    parseSettings({ path: "sluice.yaml", bytes: new TextEncoder().encode(text) });

  test("nothing written means the defaults", () => {
    expect(parseSettings(null)).toEqual({ value: DEFAULT_SETTINGS, problems: [] });
    expect(settings("version: 1\n")).toEqual({ value: DEFAULT_SETTINGS, problems: [] });
  });

  test("all mistakes at once, each at its own place", () => {
    const text = [
      "version: 1",
      "environments:",
      "  prod: { after: staging, approvals: { cuont: 1, count: 1 } }",
      "  staging: { gates: [metrics.accuracy >] }",
      "policies: [{ name: a, denyy: x }]",
      "retention: { runs: soon }",
    ].join("\n");

    expect(settings(text).problems.map(({ at, code }) => `${at.line}:${at.column} ${code}`)).toEqual([
      "3:18 environment-order",
      "3:40 unknown-key",
      "4:22 bad-condition",
      "5:23 unknown-key",
      "6:20 bad-value",
    ]);
  });

  test("a condition of a thousand parentheses is its author's mistake", () => {
    const { problems } = settings(`version: 1\npolicies: [{ name: a, deny: "${"(".repeat(5_000)}" }]\n`);
    expect(problems.map(({ code }) => code)).toEqual(["bad-condition"]);
  });
});
