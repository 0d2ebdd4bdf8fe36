import { expect, test } from "vitest";

import type { StepForecast } from "../../src/plan/plan.ts";
import { pointerWarnings, stepReads } from "../../src/plan/pointer-warnings.ts";
import { ordered, parsed } from "../builders/pipeline.ts";

const TEXT = `version: 1
steps:
  a: { run: x, inputs: [data, "big/*.bin"], outputs: [a] }
  b: { run: y, inputs: [big/1.bin], outputs: [b] }
`;
const FILES = { "data/one": "1", "data/two": "2", "big/1.bin": "3" };

function warned(verdicts: Readonly<Record<string, "run" | "cached">>, ...pointers: readonly string[]): string[] {
  const steps = Object.entries(verdicts).map(([step, kind]) => ({ step, verdict: { kind }, time: null }));
  const forecast = { steps: steps as unknown as readonly StepForecast[], removed: [] };
  const reads = stepReads(ordered(TEXT, FILES), forecast);
  return pointerWarnings(parsed(TEXT), reads, { pointers: new Set(pointers), at: "commit" }).map(
    ({ at, severity, message }) => `${at.line}:${at.column} ${severity} ${message}`,
  );
}

test("pointers are told once for each place that names them, whether as a file, a directory or a glob", () => {
  const told = warned({ a: "run", b: "run" }, ...Object.keys(FILES));

  expect(told.toSorted()).toEqual([
    expect.stringMatching(/^3:25 warning `data\/one` and 1 more of these files are Git-LFS pointers, and objects of/),
    expect.stringMatching(/^3:31 warning `big\/1\.bin` is a Git-LFS pointer, and objects of Git LFS are not in/),
    expect.stringMatching(/^4:25 warning `big\/1\.bin` is a Git-LFS pointer/),
  ]);
});

test("what no step is to read is nobody's concern", () => {
  expect(warned({ a: "cached", b: "run" }, "data/one")).toEqual([]);
  expect(warned({ a: "run", b: "run" })).toEqual([]);
  expect(stepReads(ordered(TEXT, FILES), null)).toEqual([]);
});

test("what to do is told by where the pointers stand", () => {
  const reads = stepReads(ordered(TEXT, FILES), {
    steps: [{ step: "a", verdict: { kind: "depends", on: [], root: [], changes: [] }, time: null }],
    removed: [],
  });
  const told = (pointers: readonly string[], at: "commit" | "work-tree"): unknown =>
    pointerWarnings(parsed(TEXT), reads, { pointers: new Set(pointers), at });
  const place = { path: "pipelines/p.yaml", line: 3, column: 25, end: { line: 3, column: 29 } };
  const warning = { severity: "warning", code: "lfs-pointer", at: place };
  expect(told(["data/one"], "work-tree")).toEqual([
    {
      ...warning,
      message: "`data/one` is a Git-LFS pointer, and its object is not here: what reads it does not run",
      next: "git lfs pull",
    },
  ]);
  expect(told(["data/one", "data/two"], "work-tree")).toEqual([
    {
      ...warning,
      message:
        "`data/one` and 1 more of these files are Git-LFS pointers, and their objects are not here: what reads it does not run",
      next: "git lfs pull",
    },
  ]);
  const service = "and objects of Git LFS are not in this version of the service: what reads it does not run";
  expect(told(["data/one"], "commit")).toEqual([
    {
      ...warning,
      message: `\`data/one\` is a Git-LFS pointer, ${service}`,
      next: "keep the file itself in git, or give it as a dataset",
    },
  ]);
  expect(told(["data/one", "data/two"], "commit")).toEqual([
    {
      ...warning,
      message: `\`data/one\` and 1 more of these files are Git-LFS pointers, ${service}`,
      next: "keep the files themselves in git, or give them as a dataset",
    },
  ]);
});

test("a pointer is told where it is named: as the path of a dataset, and else at its step", () => {
  const text = `version: 1
datasets:
  raw: { path: data }
  other: { path: big }
steps:
  a: { run: x, inputs: ["dataset:other", "dataset:raw"] }
  b: { run: y, inputs: [near] }
`;
  const [a, b] = parsed(text).steps;
  if (a === undefined || b === undefined) throw new Error("two steps are declared");
  const places = (step: typeof a, file: string): readonly number[] =>
    pointerWarnings(parsed(text), [{ step, files: [file, "no pointer"] }], {
      pointers: new Set([file]),
      at: "commit",
    }).map(({ at }) => at.line * 100 + at.column);
  expect(places(a, "data/one")).toEqual([642]);
  expect(places(a, "data")).toEqual([642]);
  expect(places(a, "big/one")).toEqual([625]);
  expect(places(a, "database")).toEqual([603]);
  expect(places(b, "near")).toEqual([725]);
  expect(places(b, "nearby")).toEqual([703]);
});

test("nothing is read where nothing is planned", () => {
  expect(stepReads(null, null)).toEqual([]);
});
