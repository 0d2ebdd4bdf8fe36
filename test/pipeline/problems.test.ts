import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Ajv } from "ajv";
import formats from "ajv-formats";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

import { pipelineJsonSchema, settingsJsonSchema } from "../../src/pipeline/json-schema.ts";
import { parsePipeline } from "../../src/pipeline/parse-pipeline.ts";
import { parseSettings } from "../../src/pipeline/parse-settings.ts";
import { readParameters } from "../../src/pipeline/read-parameters.ts";
import { resolved } from "../builders/pipeline.ts";

function problemsOf(text: string | Uint8Array): readonly string[] {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return parsePipeline({ path: "p.yaml", bytes }).problems.map(({ at, code }) => `${at.line}:${at.column} ${code}`);
}

const step = (body: string): string => `version: 1\nsteps:\n  a: ${body}\n`;

/** A text whose `§` marks the place where a problem is expected. */
function marked(text: string): { readonly text: string; readonly place: string } {
  const at = text.indexOf("§");
  const before = text.slice(0, at).split("\n");
  return { text: text.replace("§", ""), place: `${before.length}:${(before.at(-1)?.length ?? 0) + 1}` };
}

test("a text with `: ` and no quotes is told how to be written", () => {
  const bytes = new TextEncoder().encode(step("\n    run: sed 's/n: //' x"));
  const [problem] = parsePipeline({ path: "p.yaml", bytes }).problems;
  expect(problem?.next).toBe("put quotes around a text that holds `: `, or write it below `|`");
});

test.each([
  ["{ cmd: x }", "`cmd` is `run` here"],
  ["{ run: x, deps: [a] }", "`deps` is `inputs` here"],
  ["{ run: x, outs: [a] }", "`outs` is `outputs` here"],
  [
    "{ run: x, depends_on: [b] }",
    "a step waits for those whose outputs are among its `inputs`; for others `needs` names them",
  ],
  ["{ run: x, uses: actions/checkout@v4 }", "there are no actions here: write the command as `run`"],
  ["{ run: x, with: { a: 1 } }", "values for a command are `params` here, or `env`"],
  ["{ run: x, ouputs: [a] }", "did you mean `outputs`?"],
])("a word of another tool, %s, is told by what it is here", (body, next) => {
  const bytes = new TextEncoder().encode(step(body));
  expect(parsePipeline({ path: "p.yaml", bytes }).problems.map((problem) => problem.next)).toContain(next);
});

const LONG = "n".repeat(101);

test.each([
  [`version: 1\nname: §${LONG}\nsteps: { a: { run: x } }\n`, "bad-value"],
  [`version: 1\nid: §${LONG}\nsteps: { a: { run: x } }\n`, "bad-value"],
  [`version: 1\nwas: [sum, §${LONG}]\nsteps: { a: { run: x } }\n`, "bad-value"],
  [`version: 1\nsteps:\n  a: { run: x }\n  §${LONG}: { run: x }\n`, "bad-name"],
])("a name has a hundred characters at most: %#", (text, code) => {
  const { text: long, place } = marked(text);
  expect(problemsOf(long)).toEqual([`${place} ${code}`]);
  expect(problemsOf(long.replace(LONG, LONG.slice(1)))).toEqual([]);
});

test("a file whose name is too long for its pipeline needs a name of its own", () => {
  const told = (text: string): readonly string[] =>
    parsePipeline({ path: `pipelines/${LONG}.yaml`, bytes: new TextEncoder().encode(text) }).problems.map(
      ({ code }) => code,
    );
  expect(told(step("{ run: x }"))).toEqual(["bad-name"]);
  expect(told(`name: a\n${step("{ run: x }")}`)).toEqual([]);
});

test("what a key of another name was meant for is not missing beside it", () => {
  const told = (body: string): readonly string[] =>
    parsePipeline({ path: "p.yaml", bytes: new TextEncoder().encode(step(body)) }).problems.map(({ code }) => code);

  expect(told("{ cmd: x }")).toEqual(["unknown-key"]);
  expect(told("{ rum: x }")).toEqual(["unknown-key"]);
  expect(told("{ colour: x }").toSorted()).toEqual(["missing-key", "unknown-key"]);
  expect(told("{ inputs: [a] }")).toEqual(["missing-key"]);
});

test("stages of DVC are steps here", () => {
  const bytes = new TextEncoder().encode("stages:\n  a: { cmd: x }\n");
  expect(parsePipeline({ path: "p.yaml", bytes }).problems.map((problem) => problem.next)).toContain(
    "`stages` is `steps` here",
  );
});

describe("mistakes are found at the smallest place at fault", () => {
  test.each([
    ["an unknown key", step("{ run: x, §inptus: [] }"), "unknown-key"],
    ["the second of two equal keys", "version: 1\nsteps:\n  a: { run: x }\n  §a: { run: y }\n", "duplicate-key"],
    ["a reserved key", step("{ run: x, §matrix: { a: [1] } }"), "not-in-this-version"],
    ["a bad duration", step("{ run: x, timeout: §soon }"), "bad-value"],
    ["a bad size", step("{ run: x, resources: { memory: §lots } }"), "bad-value"],
    ["a timeout of nothing", step("{ run: x, timeout: §0s }"), "bad-value"],
    ["a timeout beyond counting", step("{ run: x, timeout: §9999999999999y }"), "bad-value"],
    ["a size of nothing", step("{ run: x, resources: { memory: §0Gi } }"), "bad-value"],
    ["an exit code that none has", step('{ run: x, retry: { on: [lost, §"exit:999"] } }'), "bad-value"],
    ["memory that shrinks", step("{ run: x, resources: { memory: { base: 4Gi, max: §2Gi } } }"), "bad-value"],
    [
      "memory that shrinks for all steps",
      "version: 1\ndefaults: { resources: { memory: { base: 4Gi, max: §2Gi } } }\nsteps:\n  a: { run: x }\n  b: { run: y }\n",
      "bad-value",
    ],
    ["an unpinned image", step('{ run: x, environment: { image: §"python:3.11" } }'), "bad-value"],
    [
      "an image with a process",
      step(`{ run: x, executor: §process, environment: { image: "p@sha256:${"a".repeat(64)}" } }`),
      "image-with-process",
    ],
    [
      "an image with a job of Slurm",
      step(`{ run: x, executor: §slurm, environment: { image: "p@sha256:${"a".repeat(64)}" } }`),
      "image-with-slurm",
    ],
    ["a job of Kubernetes without an image", step("{ run: x, executor: §kubernetes }"), "kubernetes-without-image"],
    ["an output that leaves the workspace", step("{ run: x, outputs: [§../up] }"), "outside-path"],
    ["an absolute output", step("{ run: x, outputs: [§/etc/x] }"), "absolute-path"],
    ["an undeclared parameter", step('{ run: §"echo ${{ params.lr }}" }'), "undeclared-parameter"],
    ["a step named dataset", "version: 1\nsteps:\n  §dataset: { run: x }\n", "reserved-name"],
    [
      "a bad cron line",
      "version: 1\non: { schedule: [{ cron: §nonsense, refresh: [a] }] }\nsteps:\n  a: { run: x }\n",
      "bad-cron",
    ],
    [
      "an unknown time zone",
      'version: 1\non: { schedule: [{ cron: "0 4 * * 1", timezone: §Europe/Berln, refresh: [a] }] }\nsteps:\n  a: { run: x }\n',
      "bad-time-zone",
    ],
    [
      "a schedule that can compute nothing",
      'version: 1\non: { schedule: [§{ cron: "0 4 * * 1" }] }\nsteps:\n  a: { run: x }\n',
      "idle-schedule",
    ],
    [
      "a schedule for an offset",
      'version: 1\non: { schedule: [{ cron: "0 4 * * 1", timezone: §"+02:00", refresh: [a] }] }\nsteps:\n  a: { run: x }\n',
      "bad-time-zone",
    ],
    [
      "a schedule whose parameter reaches no step",
      'version: 1\non: { schedule: [{ cron: "0 4 * * 1", params: { day: { a: 1 }, §dat: 1 } }] }\nparams: { date: 1, day: { a: 1 } }\nsteps:\n  a: { run: x, params: [date, day.a] }\n',
      "unused-parameter",
    ],
    ["an environment of two kinds", step("{ run: x, environment: { venv: .venv, §uv: . } }"), "mixed-forms"],
    ["an environment of none", step("{ run: x, environment: §{} }"), "missing-key"],
    [
      "a tolerance of two kinds",
      "version: 1\nsteps:\n  a: { run: x, metrics: [m.json] }\nmetrics: { m: { step: a, tolerance: { absolute: 1, §relative: 2 } } }\n",
      "mixed-forms",
    ],
    ["a second document", `${step("{ run: x }")}§---\n${step("{ run: y }")}`, "yaml"],
    ["an alias to what it stands in", "version: 1\nsteps: &s { a: { run: x, salt: §*s } }\n", "alias"],
    [
      "a gate that is no condition",
      'version: 1\nsteps:\n  a: { run: x, metrics: [m.json] }\nmetrics: { m: { step: a, gate: §"around 5" } }\n',
      "bad-value",
    ],
    ["a missing version", "§steps:\n  a: { run: x }\n", "missing-key"],
    ["a step without a command", "version: 1\nsteps:\n  §a: { outputs: [o] }\n", "missing-key"],
    ["an empty file", "§", "empty"],
    ["a tab", "version: 1\nsteps:\n§\ta: { run: x }\n", "tab"],
  ])("%s", (_, text, code) => {
    const { text: plain, place } = marked(text);
    expect(problemsOf(plain)).toEqual([`${place} ${code}`]);
  });

  test("wrong encodings, large files and exploding aliases are refused without effort", () => {
    const bomb = [
      "a0: &a0 [x,x,x,x,x,x,x,x,x,x]",
      ...Array.from({ length: 9 }, (_, at) => `a${at + 1}: &a${at + 1} [${Array(10).fill(`*a${at}`).join(",")}]`),
    ].join("\n");

    expect(problemsOf(new Uint8Array([0xff, 0xfe, 0x61, 0x00]))).toEqual(["1:1 encoding"]);
    expect(problemsOf(new Uint8Array([0x61, 0xc3, 0x28]))).toEqual(["1:2 encoding"]);
    expect(problemsOf(new Uint8Array([0xc3, 0xa4, 0x0a, 0x61, 0xe4]))).toEqual(["2:2 encoding"]);
    expect(problemsOf(new Uint8Array(10_000_000).fill(0x23))).toEqual(["1:1 too-large"]);
    expect(problemsOf(bomb)).toEqual(["5:38 alias-explosion"]);
  });

  test("all of them at once, in the order of the file", () => {
    const text = "version: 1\nbudget: 3\nsteps:\n  a: { run: x, nedes: [b], timeout: never }\n  b: { outputs: [/x] }\n";

    expect(problemsOf(text)).toEqual([
      "2:1 not-in-this-version",
      "4:16 unknown-key",
      "4:37 bad-value",
      "5:3 missing-key",
      "5:18 absolute-path",
    ]);
  });
});

test.each([
  ["version: 1\ntools: { python: 3.10 }\nsteps:\n  a: { run: x }\n", "text, not `3.10`", 'quote it: "3.10"'],
  [
    "version: 1\non: { push: true }\nsteps:\n  a: { run: x }\n",
    "`false` or a map, not `true`",
    "write `false` or a map here",
  ],
  [
    "version: 1\non: { pull_request: runs }\nsteps:\n  a: { run: x }\n",
    "`plan`, `run` or `false`",
    "did you mean `run`?",
  ],
  [
    step("{ run: x, secrets: [1x] }"),
    'a name of letters, digits and `_` that begins with no digit, not `"1x"`',
    "write a name of letters, digits and `_` that begins with no digit here",
  ],
  [step("{ run: x, cache: no }"), '`true` or `false`, not `"no"`', "write `true` or `false` here"],
])("what is said of %j leads to what was meant", (text, message, next) => {
  const { problems } = parsePipeline({ path: "p.yaml", bytes: new TextEncoder().encode(text) });
  expect(problems).toHaveLength(1);
  expect(problems[0]?.message).toContain(message);
  expect(problems[0]?.next).toBe(next);
});

describe("the graph", () => {
  const codes = (text: string, files: Record<string, string> = {}): readonly string[] =>
    resolved(text, files).problems.map(({ at, code }) => `${at.line}:${at.column} ${code}`);

  test.each([
    ["a missing input", step("{ run: x, inputs: [§nope.txt] }"), {}, "missing-input"],
    ["a glob without match", step('{ run: x, inputs: [§"src/**"] }'), {}, "empty-glob"],
    [
      "two producers, at the later one",
      "version: 1\nsteps:\n  a: { run: x, outputs: [o] }\n  b: { run: y, outputs: [§o] }\n",
      {},
      "two-producers",
    ],
    [
      "overlapping outputs, at the later one",
      "version: 1\nsteps:\n  a: { run: x, outputs: [o/p] }\n  b: { run: y, outputs: [§o] }\n",
      {},
      "overlapping-outputs",
    ],
    ["an output that git tracks", step("{ run: x, outputs: [§o.txt] }"), { "o.txt": "1" }, "tracked-output"],
    ["an unknown need", step("{ run: x, needs: [§bb] }"), {}, "unknown-step"],
    ["an unknown dataset", step('{ run: x, inputs: [§"dataset:raw"] }'), {}, "unknown-dataset"],
    ["an unknown parameter", step("{ run: x, params: [§lr] }"), {}, "unknown-parameter"],
    ["a step that reads its own output", step("{ run: x, inputs: [§o], outputs: [o] }"), {}, "cycle"],
    [
      "a directory fed by git and by a step",
      "version: 1\nsteps:\n  a: { run: x, outputs: [d/o] }\n  b: { run: y, inputs: [§d] }\n",
      { "d/tracked": "1" },
      "mixed-directory",
    ],
    [
      "a metric of an unknown step",
      "version: 1\nsteps:\n  a: { run: x }\nmetrics: { §m: { step: c } }\n",
      {},
      "unknown-step",
    ],
  ])("%s", (_, text, files, code) => {
    const { text: plain, place } = marked(text);
    expect(codes(plain, files as Record<string, string>)).toEqual([`${place} ${code}`]);
  });

  test("an optional glob may match nothing", () => {
    expect(codes(step('{ run: x, inputs: [{ glob: "src/**", optional: true }] }'))).toEqual([]);
  });

  test("a cycle is told once, with the whole of it, at its first input in the file", () => {
    const { problems } = resolved(
      "version: 1\nsteps:\n  a: { run: x, inputs: [c.txt], outputs: [a.txt] }\n  b: { run: x, inputs: [a.txt], outputs: [b.txt] }\n  c: { run: x, inputs: [b.txt], outputs: [c.txt] }\n",
    );

    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ code: "cycle", at: { line: 3, column: 25 } });
    expect(problems[0]?.message).toBe("these steps wait for each other: a → b → c → a");
  });

  test("a slip is met with what was meant", () => {
    const { problems } = resolved(
      "version: 1\nsteps:\n  prepare: { run: x, outputs: [build/train.csv] }\n  train: { run: y, inputs: [build/trian.csv] }\n",
    );

    expect(problems[0]?.next).toBe("did you mean `build/train.csv` (from `prepare`)?");
  });
});

test("values that YAML 1.1 readers take otherwise are warned about with both readings", () => {
  const { problems } = readParameters({
    path: "params.yaml",
    bytes: new TextEncoder().encode("a: 1e-3\nb: 012\nc: yes\nd: 1:30\ne: 2026-11-24\nf: 0.001\ng: 'yes'\n"),
  });

  expect(problems.map(({ at, severity }) => `${at.line} ${severity}`)).toEqual([
    "1 warning",
    "2 warning",
    "3 warning",
    "4 warning",
    "5 warning",
  ]);
  expect(problems[2]?.message).toContain('text "yes"');
  expect(problems[2]?.message).toContain("true");
});

test("conditions of the settings are compiled and type-checked where they stand", () => {
  const text =
    'version: 1\nenvironments:\n  prod: { gates: ["metrics.accuracy >= 0.95", "metrics.accuracy >="] }\npolicies:\n  - { name: n, deny: "plann.steps == 1" }\n';

  const { problems } = parseSettings({ path: "sluice.yaml", bytes: new TextEncoder().encode(text) });

  expect(problems.map(({ at, code }) => `${at.line}:${at.column} ${code}`)).toEqual([
    "3:47 bad-condition",
    "5:22 bad-condition",
  ]);
});

test("a file whose name is not in the composed form is told with the command that renames it", () => {
  const { problems } = resolved(step("{ run: x, inputs: [caf\u00e9.txt] }"), { "cafe\u0301.txt": "1" });

  expect(problems).toHaveLength(1);
  expect(problems[0]?.message).toContain("looks the same");
  expect(problems[0]?.next).toBe("git mv -- $'cafe\\U00000301.txt' 'caf\u00e9.txt'");
});

describe("the published schema", () => {
  const ajv = new Ajv({ strict: false, allErrors: true });
  formats.default(ajv);
  const check = ajv.compile(pipelineJsonSchema());

  test("is the one in pipelines-schema/", () => {
    const published = (name: string): string =>
      readFileSync(join(import.meta.dirname, "../../pipelines-schema", name), "utf8");
    expect(published("pipeline.schema.json")).toBe(`${JSON.stringify(pipelineJsonSchema(), null, 2)}\n`);
    expect(published("settings.schema.json")).toBe(`${JSON.stringify(settingsJsonSchema(), null, 2)}\n`);
  });

  test.each([
    [step("{ run: x }"), true],
    [
      step(
        '{ run: [a, b], inputs: [a, { glob: "*", optional: true }], outputs: [{ path: o, type: model }], timeout: 3m }',
      ),
      true,
    ],
    [step("{ run: x, timeout: soon }"), false],
    [step("{ run: x, timeout: 0.0h }"), false],
    [step("{ run: x, timeout: 0.5h, retry: { delay: 0s, on: ['exit:255'] }, resources: { memory: 0.5Gi } }"), true],
    [step("{ run: x, retry: { on: ['exit:256'] } }"), false],
    [step("{ run: x, resources: { memory: 0 } }"), false],
    [step("{ run: x, matrix: 1 }"), false],
    [step("{ run: [] }"), false],
    [step("{ inputs: [] }"), false],
    ["version: 2\nsteps: { a: { run: x } }\n", false],
    ["version: 1\nsteps: { a: { run: x } }\nextra: 1\n", false],
  ])("accepts and rejects what the parser does: %j", (text, valid) => {
    expect(check(parse(text))).toBe(valid);
    expect(problemsOf(text).length === 0).toBe(valid);
  });
});
