import fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";

import { importDvc } from "../../src/pipeline/import-dvc.ts";
import { parsePipeline } from "../../src/pipeline/parse-pipeline.ts";

const params = { seed: 1, train: { lr: 0.1 } };
const problemsOf = (pipeline: string): readonly unknown[] =>
  parsePipeline({ path: "p.yaml", bytes: new TextEncoder().encode(pipeline) }).problems;

const runOf = (cmd: string): string | undefined => {
  const { pipeline } = importDvc(stringify({ stages: { a: { cmd } } }), { has: () => true, params });
  const { value, problems } = parsePipeline({ path: "p.yaml", bytes: new TextEncoder().encode(pipeline) });
  expect(problems).toEqual([]);
  const command = value?.steps[0]?.command;
  return command?.kind === "shell" ? command.script : undefined;
};

test.each([
  ["x ${seed}", "x ${{ params.seed }}"],
  ['x "${seed}" y', "x ${{ params.seed }} y"],
  ["x '${seed}'", "x ${{ params.seed }}"],
  ['x "a ${seed} b"', 'x "a "${{ params.seed }}" b"'],
  ['x "${seed}-${train.lr}"', 'x ${{ params.seed }}"-"${{ params.train.lr }}'],
  ['x "${seed}${train.lr}"', "x ${{ params.seed }}${{ params.train.lr }}"],
  ['x "${HOME}"', 'x "${HOME}"'],
  ["x `echo ${seed}`", "x `echo 1`"],
])("the command %s keeps its parameters outside of quotes: %s", (cmd, run) => {
  expect(runOf(cmd)).toBe(run);
});

test("what cannot stand in a pipeline is named with its line and left out", () => {
  const text = stringify({
    stages: {
      "a@1": { cmd: "x ${{ matrix.y }}", wdir: "../up", deps: ["../z", "/etc/x"], outs: ["b*"] },
      "a-1": { cmd: "y" },
    },
  });
  const { pipeline, notCarried } = importDvc(text, { has: () => false, params });

  expect(problemsOf(pipeline)).toEqual([]);
  expect(notCarried.map(({ what }) => what)).toEqual([
    "`wdir` of stage `a@1`",
    "the command of stage `a@1`",
    "`../z` in `deps` of stage `a@1`",
    "`/etc/x` in `deps` of stage `a@1`",
    "`b*` in `outs` of stage `a@1`",
  ]);
});

test("two tracked files of one stem are two datasets", () => {
  const text = stringify({ stages: { a: { cmd: "x", deps: ["data/a.csv", "data/a.json"] } } });
  expect(importDvc(text, { has: (path) => path.endsWith(".dvc"), params }).pipeline).toContain("dataset:data-a-2");
});

test.each([{ cmd: ["", ""] }, { cmd: "" }, { cmd: [" "] }])("a stage without a command does nothing: %j", (stage) => {
  const { pipeline } = importDvc(stringify({ stages: { nothing: stage } }), { has: () => false, params });
  expect(problemsOf(pipeline)).toEqual([]);
  expect(pipeline).toContain('run: "true"');
});

test("whatever a dvc.yaml holds, the pipeline made of it parses without an error", () => {
  const word = fc.constantFrom(
    "a",
    "b/c",
    "..",
    "/d",
    '"',
    "'",
    "`",
    "\\",
    " ",
    "${seed}",
    "${train.lr}",
    "${HOME}",
    "${{",
    "}}",
    "\n",
    "*",
    "!",
    "x:y",
    ".git",
    "#",
  );
  const text = fc.oneof(
    fc.array(word, { maxLength: 8 }).map((words) => words.join("")),
    fc.string({ maxLength: 12 }),
  );
  const entry = fc.oneof(
    text,
    fc.dictionary(text, fc.record({ cache: fc.boolean(), x: text }, { requiredKeys: [] }), { maxKeys: 1 }),
  );
  const stage = fc.record(
    {
      cmd: fc.oneof(text, fc.array(text, { maxLength: 3 })),
      deps: fc.array(entry, { maxLength: 4 }),
      outs: fc.array(entry, { maxLength: 3 }),
      metrics: fc.array(entry, { maxLength: 2 }),
      plots: fc.array(entry, { maxLength: 2 }),
      params: fc.array(fc.oneof(text, fc.dictionary(text, fc.array(text), { maxKeys: 1 })), { maxLength: 2 }),
      wdir: text,
      desc: text,
    },
    { requiredKeys: ["cmd"] },
  );
  fc.assert(
    fc.property(fc.dictionary(text, stage, { maxKeys: 3 }), fc.boolean(), (stages, there) => {
      const { pipeline } = importDvc(stringify({ stages }), { has: () => there, params });
      expect(problemsOf(pipeline)).toEqual([]);
    }),
    { numRuns: 400 },
  );
});
