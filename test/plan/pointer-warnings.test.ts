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
