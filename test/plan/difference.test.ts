import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import type { KeyDocument } from "../../src/key/key-document.ts";
import { differences } from "../../src/plan/difference.ts";

const DOCUMENT: KeyDocument = {
  key: 1,
  salt: "",
  executor: "process",
  image: null,
  platform: "linux-x64",
  accelerator: null,
  tools: { python: "3.11" },
  environment: { kind: "venv", lock: digestOf("lock") },
  shell: "bash",
  run: "python train.py",
  params: { rate: 0.1, train: { epochs: 3, layers: [1, 2], deep: { a: 1 } }, none: null },
  env: { MODE: "fast" },
  network: false,
  secrets: ["TOKEN"],
  inputs: [
    { path: "data.csv", kind: "file", digest: digestOf("data") },
    { path: "out/clean", kind: "output", digest: digestOf("clean") },
  ],
  outputs: [{ path: "model", kind: "any" }],
  metrics: ["m.json"],
  plots: ["p.csv"],
};
const [DATA, CLEAN] = DOCUMENT.inputs;
if (DATA === undefined || CLEAN === undefined) throw new Error("two inputs are given");
const later = digestOf("other");

const changed = (from: Partial<KeyDocument>, to: Partial<KeyDocument>) =>
  differences({ ...DOCUMENT, ...from }, { ...DOCUMENT, ...to }, (path) =>
    path.startsWith("out/") ? "clean" : undefined,
  );

test("nothing differs from itself, however its parts were made", () => {
  expect(changed({}, structuredClone(DOCUMENT))).toEqual([]);
});

test.each<[string, Partial<KeyDocument>, Partial<KeyDocument>, object]>([
  ["command", {}, { run: "python fit.py" }, { from: "python train.py", to: "python fit.py" }],
  ["command", { run: ["a", "b c"] }, { run: ["a", "b", "c"] }, { from: "a b c", to: "a b c" }],
  ["command", { run: "a" }, { run: ["a"] }, { from: "a", to: "a" }],
  ["command", { shell: "bash" }, { shell: "sh" }, { from: "python train.py", to: "python train.py" }],
  ["command", { shell: null }, { shell: "sh" }, { from: "python train.py", to: "python train.py" }],
  ["image", {}, { image: later }, { from: null, to: later }],
  ["image", { image: later }, {}, { from: later, to: null }],
  ["environment", {}, { environment: null }, { name: "environment", from: "venv", to: null }],
  ["environment", { environment: null }, {}, { name: "environment", from: null, to: "venv" }],
  ["environment", {}, { environment: { kind: "uv", lock: later } }, { name: "environment", from: "venv", to: "uv" }],
  [
    "environment",
    {},
    { environment: { kind: "venv", lock: later } },
    { name: "lock", from: digestOf("lock"), to: later },
  ],
  [
    "environment",
    {},
    { environment: { kind: "venv", lock: null } },
    { name: "lock", from: digestOf("lock"), to: null },
  ],
  [
    "environment",
    { environment: { kind: "venv", lock: null } },
    {},
    { name: "lock", from: null, to: digestOf("lock") },
  ],
  ["environment", {}, { tools: { python: "3.12" } }, { name: "python", from: "3.11", to: "3.12" }],
  ["environment", {}, { tools: {} }, { name: "python", from: "3.11", to: null }],
  ["environment", {}, { tools: { python: "3.11", node: "24" } }, { name: "node", from: null, to: "24" }],
  ["environment", {}, { env: { MODE: "slow" } }, { name: "env.MODE", from: "fast", to: "slow" }],
  ["environment", {}, { env: {} }, { name: "env.MODE", from: "fast", to: null }],
  ["environment", {}, { env: { MODE: "fast", MORE: "1" } }, { name: "env.MORE", from: null, to: "1" }],
  ["parameter", {}, { params: { ...DOCUMENT.params, rate: 0.2 } }, { name: "rate", from: 0.1, to: 0.2 }],
  ["parameter", {}, { params: { ...DOCUMENT.params, none: 0 } }, { name: "none", from: null, to: 0 }],
  ["parameter", {}, { params: { ...DOCUMENT.params, more: null } }, { name: "more", from: undefined, to: null }],
  ["parameter", { params: { a: { b: 1 } } }, { params: { a: [1] } }, { name: "a", from: { b: 1 }, to: [1] }],
  ["parameter", { params: { a: [1] } }, { params: { a: { b: 1 } } }, { name: "a", from: [1], to: { b: 1 } }],
  ["parameter", { params: { a: null } }, { params: { a: { b: 1 } } }, { name: "a", from: null, to: { b: 1 } }],
  ["parameter", { params: { a: { b: 1 } } }, { params: { a: null } }, { name: "a", from: { b: 1 }, to: null }],
  ["parameter", { params: { a: 1 } }, { params: {} }, { name: "a", from: 1, to: undefined }],
  ["salt", {}, { salt: "2" }, { from: '""', to: '"2"' }],
  ["executor", {}, { executor: "slurm" }, { from: '"process"', to: '"slurm"' }],
  ["platform", {}, { platform: "linux-arm64" }, { from: '["linux-x64",null]', to: '["linux-arm64",null]' }],
  ["platform", {}, { accelerator: "cuda" }, { from: '["linux-x64",null]', to: '["linux-x64","cuda"]' }],
  ["network", {}, { network: true }, { from: "false", to: "true" }],
  ["secrets", {}, { secrets: [] }, { from: '["TOKEN"]', to: "[]" }],
  [
    "outputs",
    {},
    { outputs: [{ path: "model", kind: "directory" }] },
    { from: '[["model","any"]]', to: '[["model","directory"]]' },
  ],
  ["outputs", {}, { outputs: [] }, { from: '[["model","any"]]', to: "[]" }],
  ["metrics", {}, { metrics: [] }, { from: '["m.json"]', to: "[]" }],
  ["plots", {}, { plots: ["q.csv"] }, { from: '["p.csv"]', to: '["q.csv"]' }],
  ["key-version", {}, { key: 2 as unknown as 1 }, { from: 1, to: 2 }],
])("%s from %j to %j", (kind, from, to, told) => {
  expect(changed(from, to)).toEqual([{ kind, ...told }]);
});

test("a changed subtree of parameters is told by its leaves", () => {
  const train = { epochs: 4, layers: [2, 1], deep: { a: 1, b: 2 } };
  expect(changed({}, { params: { ...DOCUMENT.params, train } })).toEqual([
    { kind: "parameter", name: "train.deep.b", from: undefined, to: 2 },
    { kind: "parameter", name: "train.epochs", from: 3, to: 4 },
    { kind: "parameter", name: "train.layers", from: [1, 2], to: [2, 1] },
  ]);
});

test("inputs are told by path, as added, removed or changed, and where a step writes them as upstream", () => {
  const extra = { path: "b.csv", kind: "file", digest: later } as const;
  const made = { path: "out/more", kind: "file", digest: later } as const;
  expect(
    changed(
      {},
      {
        inputs: [
          { ...DATA, digest: later },
          { ...CLEAN, digest: later },
        ],
      },
    ),
  ).toEqual([
    { kind: "input", path: "data.csv", change: "changed" },
    { kind: "upstream", path: "out/clean", step: "clean" },
  ]);
  expect(changed({}, { inputs: [{ ...DATA, kind: "executable" }, CLEAN] })).toEqual([
    { kind: "input", path: "data.csv", change: "changed" },
  ]);
  expect(changed({ inputs: [DATA, CLEAN, made] }, { inputs: [extra, DATA, CLEAN] })).toEqual([
    { kind: "input", path: "b.csv", change: "added" },
    { kind: "input", path: "out/more", change: "removed" },
  ]);
  expect(changed({ inputs: [DATA] }, { inputs: [DATA, CLEAN] })).toEqual([
    { kind: "input", path: "out/clean", change: "added" },
  ]);
});

test("causes stand in the order in which people look for them", () => {
  const all = changed(
    {},
    {
      plots: [],
      metrics: [],
      outputs: [],
      secrets: [],
      network: true,
      platform: "x",
      executor: "y",
      salt: "z",
      env: {},
      tools: {},
      environment: null,
      image: later,
      inputs: [],
      run: "x",
      params: {},
    },
  );
  expect(all.map((one) => ("name" in one ? one.name : "path" in one ? one.path : one.kind))).toEqual(
    "none rate train command data.csv out/clean image environment python env.MODE salt executor platform network secrets outputs metrics plots".split(
      " ",
    ),
  );
});
