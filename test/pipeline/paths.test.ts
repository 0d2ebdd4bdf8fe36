import { expect, test } from "vitest";

import { parsePipeline } from "../../src/pipeline/parse-pipeline.ts";
import { resolved } from "../builders/pipeline.ts";

const parsing = (text: string): readonly string[] =>
  parsePipeline({ path: "p.yaml", bytes: new TextEncoder().encode(text) }).problems.map(
    ({ at, code }) => `${at.line}:${at.column} ${code}`,
  );
const resolving = (steps: string, files: Readonly<Record<string, string>> = {}): readonly string[] =>
  resolved(`version: 1\nsteps:\n${steps}`, files).problems.map(({ at, code }) => `${at.line}:${at.column} ${code}`);

test.each([
  ["{ venv: .venv, lock: ../requirements.txt }", "2:35 outside-path"],
  ["{ node: /package-lock.json }", "2:22 absolute-path"],
  ["{ uv: ../other }", "2:20 outside-path"],
])("environment %s leaves the repository: told once", (environment, expected) => {
  expect(parsing(`version: 1\nenvironment: ${environment}\nsteps: { a: { run: x }, b: { run: y } }\n`)).toEqual([
    expected,
  ]);
});

test("a uv project at the root is inside the repository", () => {
  expect(parsing("version: 1\nenvironment: { uv: . }\nsteps: { a: { run: x } }\n")).toEqual([]);
});

test.each(['"data/{a,b}.csv"', '"data/[ab].csv"', '"data/@(a|b).csv"', '"!data/{a,b}"'])(
  "%s is no glob of ours",
  (glob) => {
    expect(parsing(`version: 1\nsteps:\n  a: { run: x, inputs: [${glob}] }\n`)).toEqual(["3:25 glob-syntax"]);
  },
);

test("braces are answered by the items to write", () => {
  const text = 'version: 1\nsteps: { a: { run: x, inputs: ["d/{a,b}.csv"] } }\n';
  const { problems } = parsePipeline({ path: "p.yaml", bytes: new TextEncoder().encode(text) });
  expect(problems[0]?.next).toBe("write one item each: `d/a.csv`, `d/b.csv`");
});

test("outputs that differ in case alone, from each other, in a folder or from a file", () => {
  expect(resolving("  a: { run: x, outputs: [Out.csv] }\n  b: { run: x, outputs: [out.csv] }\n")).toEqual([
    "4:26 case-collision",
  ]);
  expect(resolving("  a: { run: x, outputs: [Build/a] }\n  b: { run: x, outputs: [build/b] }\n")).toEqual([
    "4:26 case-collision",
  ]);
  expect(resolving("  a: { run: x, outputs: [readme] }\n", { README: "" })).toEqual(["3:26 case-collision"]);
  expect(
    resolving("  a: { run: x, outputs: [build/a] }\n  b: { run: x, outputs: [build/b] }\n", { README: "" }),
  ).toEqual([]);
});

test.each(['"build/*.csv"', '{ glob: "build/*.csv", optional: true }'])(
  "%s cannot choose among files that a step has yet to write",
  (input) => {
    expect(resolving(`  a: { run: x, outputs: [build/] }\n  b: { run: x, inputs: [${input}] }\n`)).toEqual([
      "4:25 glob-in-output",
    ]);
  },
);

test("a glob takes the declared outputs that it matches", () => {
  const { steps, problems } = resolved(
    'version: 1\nsteps:\n  a: { run: x, outputs: [build/a.csv, build/b.csv] }\n  b: { run: x, inputs: ["build/*.csv"] }\n',
  );
  expect(problems).toEqual([]);
  expect(steps.at(-1)?.inputs.map((input) => input.kind === "output" && input.path)).toEqual([
    "build/a.csv",
    "build/b.csv",
  ]);
});
