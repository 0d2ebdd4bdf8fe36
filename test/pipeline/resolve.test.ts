import { describe, expect, test } from "vitest";

import { resolvePipeline } from "../../src/pipeline/resolve.ts";
import { treeOf, type TreeFile } from "../../src/pipeline/tree.ts";
import { ordered, parsed, resolved } from "../builders/pipeline.ts";

const step = (body: string): string => `version: 1\nsteps:\n  a: ${body}\n`;

test("an exclude reaches into a directory input: excluded bytes are in no key", () => {
  const text = step('{ run: x, inputs: [data, "!data/tmp/**", "!data/old"] }');
  const files = { "data/a": "1", "data/old/c": "3", "data/tmp/b": "2" };

  expect(resolved(text, files).sources).toEqual(["data/a"]);
  expect(ordered(text, { ...files, "data/tmp/b": "x", "data/old/c": "y" }).digest).toBe(ordered(text, files).digest);
  expect(ordered(text, { ...files, "data/a": "x" }).digest).not.toBe(ordered(text, files).digest);
});

test("dotfiles are matched only if written", () => {
  const files = { "src/.hidden": "1", "src/a": "2" };

  expect(resolved(step('{ run: x, inputs: ["src/*"] }'), files).sources).toEqual(["src/a"]);
  expect(resolved(step('{ run: x, inputs: ["src/.*"] }'), files).sources).toEqual(["src/.hidden"]);
});

test("an input inside, equal to or above an output depends on its step, and names the part", () => {
  for (const [input, path] of [
    ["d/o", "d/o"],
    ["d/o/part", "d/o/part"],
    ["d", "d/o"],
    ["a:d/o/part", "d/o/part"],
  ]) {
    const { problems, steps } = resolved(
      `version: 1\nsteps:\n  b: { run: y, inputs: ["${input}"] }\n  a: { run: x, outputs: [d/o/] }\n`,
    );

    expect(problems).toEqual([]);
    expect(steps.map((one) => one.step.name)).toEqual(["a", "b"]);
    expect(steps[1]?.inputs).toEqual([{ kind: "output", path, step: "a", output: "d/o" }]);
  }
});

test("a submodule says that it is not in this version", () => {
  const files: readonly TreeFile[] = [
    { path: "lib/a", kind: "file", tracked: true },
    { path: "lib/sub", kind: "submodule", tracked: true },
  ];
  for (const input of ["lib", "lib/sub", "lib/*", "lib/sub/x.py", "lib/sub/deep/*.py", "lib/sub/**"]) {
    const { problems } = resolvePipeline({
      pipeline: parsed(step(`{ run: x, inputs: ["${input}"] }`)),
      tree: treeOf(files),
      params: {},
      datasets: new Map(),
    });
    expect(problems.map(({ code, at }) => `${at.line}:${at.column} ${code}`)).toEqual(["3:25 submodule"]);
  }
});

test("a lock file that is not there is a problem, never an unpinned key", () => {
  const text = step("{ run: x, environment: { venv: .venv, lock: requirements.txt } }");

  expect(resolved(text).problems.map(({ code }) => code)).toEqual(["missing-lock"]);
  expect(resolved(text, { "requirements.txt": "numpy==2" }).problems).toEqual([]);
  expect(ordered(text, { "requirements.txt": "1" }).digest).not.toBe(ordered(text, { "requirements.txt": "2" }).digest);
});

test("a parameters file that is an input too is given reduced, which is said where it is named", () => {
  const told = (body: string): readonly string[] =>
    resolved(`version: 1\nparams: cfg/params.yaml\nsteps:\n  a: ${body}\n`, {
      "cfg/params.yaml": "lr: 1\nseed: 2\n",
      "cfg/x": "",
    }).problems.flatMap(({ at, severity, code, next }) =>
      code === "unknown-parameter" ? [] : [`${at.line}:${at.column} ${severity} ${code}: ${next}`],
    );

  for (const input of ["cfg/params.yaml", "cfg", "cfg/*.yaml"]) {
    expect(told(`{ run: x, inputs: ["${input}"], params: [lr] }`)).toEqual([
      expect.stringMatching(
        /^4:25 warning reduced-parameters: (?:take `cfg\/params.yaml` off|leave it out with "!cfg\/params.yaml" in) `inputs:`/,
      ),
    ]);
    expect(told(`{ run: x, inputs: ["${input}"] }`)).toEqual([]);
  }
  expect(told('{ run: x, inputs: [cfg, "!cfg/params.yaml"], params: [lr] }')).toEqual([]);
  expect(told("{ run: x, params: [lr] }")).toEqual([]);
});

test("an environment for all steps without its lock is told once, where it is written", () => {
  const text =
    "version: 1\nenvironment: { node: package-lock.json }\nsteps:\n  a: { run: x }\n  b: { run: y }\n  c: { run: z, environment: { venv: v, lock: l } }\n";

  expect(resolved(text).problems.map(({ at, message }) => `${at.line}:${at.column} ${message}`)).toEqual([
    "2:14 the lock file `package-lock.json` of this environment is not in the repository",
    "6:29 the lock file `l` of this environment is not in the repository",
  ]);
});

test("a cycle is told at an input that lies on it, not at another that a cycle's step reads", () => {
  const { problems } = resolved(
    [
      "version: 1",
      "steps:",
      '  a: { run: x, inputs: ["in/*", c.txt], outputs: [a.txt] }',
      "  b: { run: x, inputs: [a.txt], outputs: [b.txt] }",
      "  c: { run: x, inputs: [b.txt], outputs: [c.txt] }",
      "",
    ].join("\n"),
    { "in/x": "1" },
  );

  expect(problems.map(({ at, code }) => `${at.line}:${at.column} ${code}`)).toEqual(["3:33 cycle"]);
});

test("files that differ only in case are a problem where a step reads one", () => {
  const files = { "src/A.py": "1", "src/a.py": "2", "src/b.py": "3" };
  const codes = (input: string): readonly string[] =>
    resolved(step(`{ run: x, inputs: ["${input}"] }`), files).problems.map(({ at, code }) => `${at.line} ${code}`);

  expect(codes("src/b.py")).toEqual([]);
  expect(codes("src/a.py")).toEqual(["3 case-collision"]);
  expect(codes("src")).toEqual(["3 case-collision"]);
});

describe("symbolic links", () => {
  const reads = (input: string, targets: Readonly<Record<string, string>>, outputs = "[o]") => {
    const paths = [...Object.keys(targets), "data/v1.csv", "data/v2/a.csv", "src/main.py"].sort();
    const files = paths.map((path): TreeFile => {
      const target = targets[path];
      return target === undefined
        ? { path, kind: "file", tracked: true }
        : { path, kind: "link", tracked: true, target };
    });
    const { steps, problems } = resolvePipeline({
      pipeline: parsed(
        `version: 1\nsteps:\n  a: { run: x, inputs: [${input}] }\n  b: { run: x, outputs: ${outputs} }\n`,
      ),
      tree: treeOf(files),
      params: {},
      datasets: new Map(),
    });
    return {
      inputs: steps
        .find(({ step }) => step.name === "a")
        ?.inputs.map((one) => (one.kind === "dataset" ? "" : one.path)),
      problems: problems.map(({ at, code }) => `${at.line}:${at.column} ${code}`),
    };
  };

  test.each([
    ["a file", "now", { now: "data/v1.csv" }, ["data/v1.csv", "now"]],
    ["a chain of them", "now", { now: "data/x", "data/x": "./v1.csv" }, ["data/v1.csv", "data/x", "now"]],
    ["a directory", "now", { now: "data/v2/" }, ["data/v2", "now"]],
    ["a file below one", "now/a.csv", { now: "data/v2" }, ["data/v2/a.csv", "now"]],
    ["a glob", '"no*"', { now: "data/v1.csv" }, ["data/v1.csv", "now"]],
    ["one in a directory, to inside", "data", { "data/now": "v2" }, ["data"]],
    ["one in a directory, to outside", "data", { "data/code": "../src" }, ["data", "src"]],
    ["one that leads to nothing in its directory", "data", { "data/now": "v9" }, ["data"]],
    ["an output of another step", "now", { now: "gen/x" }, ["gen/x", "now"]],
    ["two directories that lead to each other", "l/a", { "l/a": "../m", "m/b": "../l" }, ["l", "l/a", "m"]],
  ])("%s: what a link leads to is an input beside it", (_, input, targets, paths) => {
    expect(reads(input, targets, "[gen/]")).toEqual({ inputs: paths, problems: [] });
  });

  test.each([
    ["an absolute target", { now: "/etc/passwd" }, "link-outside"],
    ["a target above the repository", { now: "../x" }, "link-outside"],
    ["the whole repository", { now: "." }, "link-outside"],
    ["itself", { now: "now" }, "link-outside"],
    ["nothing", { now: "data/v9.csv" }, "dangling-link"],
  ])("a link to %s is a problem", (_, targets, code) => {
    expect(reads("now", targets).problems).toEqual([`3:25 ${code}`]);
  });
});
