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

test.each(["branches", "paths"])(
  "a glob of a push's %s that matches nothing, or is none of ours, is told at its place",
  (key) => {
    const pushing = (globs: string): readonly string[] =>
      parsing(`version: 1\non: { push: { ${key}: [${globs}] } }\nsteps: { a: { run: x } }\n`);
    const column = `on: { push: { ${key}: [`.length + 1;
    for (const glob of [
      '""',
      '"!"',
      '"./release/*"',
      '"a//b"',
      '"a/../b"',
      '"{a,b}/*"',
      '"v[0-9]"',
      `"${"*a".repeat(600)}"`,
    ])
      expect(pushing(glob), glob).toEqual([`2:${column} glob-syntax`]);
    expect(pushing('main, "release/**", "!release/0.*", "v?-(rc)", a+b, "@x|y"')).toEqual([]);
    expect(pushing('main, ""')).toEqual([`2:${column + "main, ".length} glob-syntax`]);
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

test("a glob chooses inside an output directory: by its name for certain, by a wildcard only a declared directory", () => {
  const parts = (input: string, outputs: string): readonly unknown[] =>
    (
      resolved(
        `version: 1\nsteps:\n  a: { run: x, outputs: [${outputs}] }\n  b: { run: x, inputs: [${input}], outputs: [b.txt] }\n`,
      ).steps.find(({ step }) => step.name === "b")?.inputs ?? []
    ).map((input) => input.kind === "output" && `${input.output}: ${input.path}`);

  expect(parts('"build/*.csv"', "build")).toEqual(["build: build/*.csv"]);
  expect(parts('{ glob: "build/sub/**/?.csv", optional: true }', "build/")).toEqual(["build: build/sub/**/?.csv"]);
  expect(parts('"out/**/*.csv"', "out/one/, out/two/three/")).toEqual([
    "out/one: out/one/**/*.csv",
    "out/two/three: out/two/three/**/*.csv",
  ]);
  expect(parts('"**/one/*.csv"', "out/one/")).toEqual(["out/one: out/one/**/one/*.csv", "out/one: out/one/*.csv"]);
  expect(parts('"out/*/x.csv"', "out/one/, out/two/three/")).toEqual(["out/one: out/one/x.csv"]);
  expect(resolving('  a: { run: x, outputs: [out/one] }\n  b: { run: x, inputs: ["out/**/*.csv"] }\n')).toEqual([
    "4:25 empty-glob",
  ]);
});

test("`code:` never waits for what a wildcard reaches in another step's directory", () => {
  const text =
    'version: 1\ncode: ["**/*.py"]\nsteps:\n  a: { run: x, outputs: [a/] }\n  b: { run: x, outputs: [b/] }\n';

  expect(resolved(text, { "src/x.py": "" })).toMatchObject({ problems: [] });
});

test("an exclude cannot choose among files that a step has yet to write", () => {
  const reading = (input: string): readonly string[] =>
    resolving(`  a: { run: x, outputs: [build/, other] }\n  b: { run: x, inputs: ["**", "build", "${input}"] }\n`, {
      x: "",
    });

  expect(reading("!build/tmp/*")).toEqual(["4:40 exclude-in-output"]);
  expect(reading("!build/*")).toEqual(["4:40 exclude-in-output"]);
  expect(reading("!other")).toEqual([]);
});

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
