import { expect, test } from "vitest";

import type { Dataset, Input } from "../../src/pipeline/pipeline.ts";
import { nearMiss, pathsOf, readBy } from "../../src/run/near-miss.ts";
import { ordered } from "../builders/pipeline.ts";

const written = { at: [1, 1, 1, 1], optional: false, code: false } as const;
const here = (path: string) => (asked: string) => (asked === path ? { step: null } : undefined);
/** What is found by a log, where a file of this name is there and nothing is declared. */
const found = (log: string, path: string): string | undefined =>
  nearMiss(log, here(path), { read: [], declared: [] })?.path;

test.each([
  ["FileNotFoundError: [Errno 2] No such file or directory: 'a b.csv'", "a b.csv"],
  [`No such file or directory: "it's.csv"`, "it's.csv"],
  ['cat: "a b.csv": No such file or directory', "a b.csv"],
  ["cp: cannot stat ‘a b.csv’: No such file or directory", "a b.csv"],
  ["head: cannot open 'a b.csv' for reading: No such file or directory", "a b.csv"],
  ["Error: ENOENT: no such file or directory, open 'a b.csv'", "a b.csv"],
  ["Error: Cannot find module './lib/x.js'", "lib/x.js"],
  ["a b.csv: No such file or directory", "a b.csv"],
  ["first line\ncat: a b.csv: No such file or directory\nlast line", "a b.csv"],
  ["Cannot open file 'a b.csv'", "a b.csv"],
  ["cannot open `a b.csv`", "a b.csv"],
  ["sh: 1: cannot open lib/a-b_c.txt: No such file", "lib/a-b_c.txt"],
  ["CANNOT OPEN FILE a.txt", "a.txt"],
  ["python: can't open file 'train it.py': [Errno 2]", "train it.py"],
  ["python: can't open file '/tmp/x/slot-3/workspace/src/train.py'", "src/train.py"],
  ["cat: /sluice/workspace/data/a.csv: No such file or directory", "data/a.csv"],
  ["cat: /x/kubernetes-1a/workspace/data/a.csv: No such file or directory", "data/a.csv"],
  ["cat: ./data/a.csv: No such file or directory", "data/a.csv"],
  ["ModuleNotFoundError: No module named 'features'", "features.py"],
  ["ModuleNotFoundError: No module named 'features'", "features/__init__.py"],
  ["ModuleNotFoundError: No module named 'pkg.sub.features'", "src/pkg/sub/features.py"],
  ["ModuleNotFoundError: No module named 'features'", "src/features/__init__.py"],
  ["ModuleNotFoundError: No module named 'features'", "lib/features.py"],
  ["ModuleNotFoundError: No module named 'features'", "lib/features/__init__.py"],
])("%j names %s", (log, path) => {
  expect(found(log, path)).toBe(path);
});

test.each([
  ["cat: /etc/a.csv: No such file or directory", "/etc/a.csv"],
  ["cat: ../a.csv: No such file or directory", "../a.csv"],
  ["cat: data/../a.csv: No such file or directory", "data/../a.csv"],
  ["python said a.csv is fine", "a.csv"],
  ["cat: /other/workspace/a.csv: No such file or directory", "a.csv"],
])("%j names nothing of the repository", (log, path) => {
  expect(found(log, path)).toBeUndefined();
});

test("what is named first and exists is told, whatever else is named", () => {
  const log =
    "cat: gone.csv: No such file or directory\ncat: a.csv: No such file or directory\ncat: b.csv: No such file or directory";
  const exists = (path: string) => (path === "a.csv" || path === "b.csv" ? { step: path } : undefined);
  expect(nearMiss(log, exists, { read: [], declared: [] })).toEqual({
    path: "a.csv",
    step: "a.csv",
    inputs: ["a.csv"],
  });
  expect(nearMiss(log, exists, { read: ["a.csv"], declared: [] })?.path).toBe("b.csv");
  expect(nearMiss("all is well", exists, { read: [], declared: [] })).toBeUndefined();
});

test("what lies in an input is no near miss, what is only called like one is", () => {
  const log = "cat: data/a.csv: No such file or directory";
  const missed = (read: string): unknown => nearMiss(log, here("data/a.csv"), { read: [read], declared: [] })?.path;
  expect([missed("data"), missed("data/a.csv")]).toEqual([undefined, undefined]);
  expect([missed("dat"), missed("data/a"), missed("a.csv")]).toEqual(Array(3).fill("data/a.csv"));
});

test("the corrected list has every input as it can be written, without what `code:` gives", () => {
  const declared: readonly Input[] = [
    { ...written, kind: "path", path: "a b" },
    { ...written, kind: "release", path: "model" },
    { ...written, kind: "glob", glob: "src/*.py" },
    { ...written, kind: "glob", glob: "more/*", optional: true },
    { ...written, kind: "exclude", glob: "src/x.py" },
    { ...written, kind: "dataset", dataset: "raw" },
    { ...written, kind: "step", step: "prepare", path: "out" },
    { ...written, kind: "path", path: "lib", code: true },
  ];
  const log = "cat: new.csv: No such file or directory";
  expect(nearMiss(log, here("new.csv"), { read: [], declared })?.inputs).toEqual([
    '"a b"',
    "release:model",
    '"src/*.py"',
    '{ glob: "more/*", optional: true }',
    '"!src/x.py"',
    "dataset:raw",
    "prepare:out",
    "new.csv",
  ]);
});

const dataset = (name: string, path: string): Dataset => ({
  name,
  at: [1, 1, 1, 1],
  optional: false,
  kind: "path",
  path,
  uri: null,
  pin: null,
});

test("a path is another step's output, or a file of the repository, or data beside it", () => {
  const steps = [
    { name: "prepare", document: { outputs: [{ path: "out", kind: "any" }] } },
    { name: "train", document: { outputs: [{ path: "model", kind: "any" }] } },
  ] as const;
  const isFile = (path: string): boolean => path === "a.csv" || path.startsWith("out");
  const plain = pathsOf(steps, isFile);
  expect(["out", "out/x", "model", "outside", "a.csv", "b.csv"].map(plain)).toEqual([
    { step: "prepare" },
    { step: "prepare" },
    { step: "train" },
    { step: null },
    { step: null },
    undefined,
  ]);
  const datasets = [
    { ...dataset("dvc", "x"), kind: "dvc", file: "big" } as Dataset,
    dataset("raw", "data/raw"),
    dataset("big", "big.csv"),
  ];
  const beside = pathsOf(steps, isFile, {
    datasets,
    isIgnored: (path) => path !== "tracked" && !path.endsWith("pyvenv.cfg"),
  });
  expect(beside("a.csv")).toEqual({ step: null });
  expect(beside("tracked")).toBeUndefined();
  expect(beside("big.csv")).toEqual({ step: null, dataset: { name: "big", declared: true } });
  expect(beside("data/raw/1.csv")).toEqual({ step: null, dataset: { name: "raw", declared: true } });
  expect(beside("data/rawer.csv")).toEqual({ step: null, dataset: { name: "rawer", declared: false } });
});

test.each([".git/config", "a/.cache/x", "node_modules/x", "a/node_modules/x", "__pycache__/x.pyc", "a/venv/bin"])(
  "%s is a tool's own",
  (path) => {
    const isIgnored = (asked: string): boolean => !/pyvenv|node_modules/.test(asked);
    expect(pathsOf([], () => false, { datasets: [], isIgnored })(path)).toBeUndefined();
  },
);

test.each([
  [".venv/bin/python", { written: "{ venv: .venv, lock: requirements.txt }", program: "python" }],
  ["tools/my env/bin/x", { written: '{ venv: "tools/my env", lock: requirements.txt }', program: "x" }],
  [".venv/lib/x.py", { written: "{ venv: .venv, lock: requirements.txt }", program: null }],
  ["node_modules/.bin/tsc", { written: "{ node: package-lock.json }", program: "tsc" }],
  ["web/node_modules/a/b.js", { written: "{ node: web/package-lock.json }", program: null }],
])("%s belongs to an environment, ignored or not", (path, environment) => {
  const there = (asked: string): boolean =>
    asked === path || [".venv/pyvenv.cfg", "tools/my env/pyvenv.cfg"].includes(asked);
  expect(pathsOf([], there)(path)).toEqual({ step: null, environment });
  expect(pathsOf([], () => false, { datasets: [], isIgnored: there })(path)).toEqual({ step: null, environment });
});

test("a name in full, or out of a directory that the step went into, is one of the repository", () => {
  const missed = (log: string): unknown =>
    nearMiss(log, here("data/a.csv"), { read: [], declared: [], root: "/home/me/project" });
  const miss = { path: "data/a.csv", step: null, inputs: ["data/a.csv"] };

  expect(missed("cat: /home/me/project/data/a.csv: No such file or directory")).toEqual(miss);
  expect(missed("cat: ../data/a.csv: No such file or directory")).toEqual(miss);
  expect(missed("cat: ../../data/a.csv: No such file or directory")).toEqual(miss);
  expect(missed("cat: /home/me/projects/data/a.csv: No such file or directory")).toBeUndefined();
  expect(missed("cat: data/../data/a.csv: No such file or directory")).toBeUndefined();
});

test("a directory that is only called like a tool's is not", () => {
  const beside = pathsOf([], () => false, { datasets: [], isIgnored: (path) => !path.endsWith("pyvenv.cfg") });
  for (const path of ["my_venv/x", "a.b/c", "venv", "xnode_modules/y"])
    expect(beside(path)?.dataset?.declared).toBe(false);
});

test("inputs are read by path, outputs of others as they are selected", () => {
  const order = ordered(
    "version: 1\nsteps:\n  a: { run: x, outputs: [out/] }\n  b: { run: y, inputs: [in.csv, out/part] }\n",
    { "in.csv": "1" },
  );
  expect(order.steps.map(({ inputs }) => readBy(inputs))).toEqual([[], ["in.csv", "out/part"]]);
});
