import fc from "fast-check";
import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import { parsePipeline } from "../../src/pipeline/parse-pipeline.ts";
import { treeOf } from "../../src/pipeline/tree.ts";
import { NO_MEMORY, orderMemory, type OrderMemory } from "../../src/plan/order-memory.ts";
import { isError } from "../../src/problem/problem.ts";

const TEXT = `version: 1
name: p
params: { rate: 1 }
steps:
  join: { run: "cat data/*.csv > all.csv", inputs: [{ glob: "data/*.csv", optional: true }], outputs: [all.csv] }
  train: { run: python train.py, inputs: [all.csv, lib/, train.py], params: [rate], outputs: [model.bin] }
`;
const parsed = parsePipeline({ path: "pipelines/p.yaml", bytes: new TextEncoder().encode(TEXT) }).value;
if (parsed === null) throw new Error("the pipeline of this test has mistakes");
const pipeline = parsed;

const PATHS = ["data/a.csv", "data/b.csv", "lib/one.py", "lib/two.py", "other.txt", "train.py"];
/** What a repository holds at some time: for each path nothing, or one of three contents, runnable or not. */
const state = fc.record({
  files: fc.tuple(...PATHS.map(() => fc.option(fc.tuple(fc.nat(2), fc.boolean()), { freq: 5 }))),
  rate: fc.nat(2),
  platform: fc.constantFrom("linux-x64", "linux-arm64"),
});
type State = typeof state extends fc.Arbitrary<infer Value> ? Value : never;

function planned(memory: OrderMemory, { files, rate, platform }: State): unknown {
  const there = PATHS.flatMap((path, at) => {
    const file = files[at];
    return file === null || file === undefined ? [] : [{ path, content: file[0], executable: file[1] }];
  });
  const tree = treeOf(
    there.map(({ path, executable }) => ({ path, kind: executable ? "executable" : "file", tracked: true })),
  );
  const resolution = memory.resolve({ pipeline, tree, params: { rate }, datasets: new Map() });
  if (resolution.problems.some(isError)) return resolution;
  const fact = (path: string) => {
    const found = there.find((one) => one.path === path);
    return found && { digest: digestOf(`${found.content}`), executable: found.executable, size: found.content };
  };
  return [resolution, memory.order(resolution, fact, { platform, accelerator: null })];
}

test("what is remembered is what would be made anew, whatever came before", () => {
  fc.assert(
    fc.property(fc.array(state, { minLength: 1, maxLength: 12 }), (states) => {
      const memory = orderMemory();
      for (const one of states) expect(planned(memory, one)).toEqual(planned(NO_MEMORY, one));
    }),
    { numRuns: 150 },
  );
});

test("the same state gives the same objects", () => {
  const memory = orderMemory();
  const files = PATHS.map(() => [1, false] as [number, boolean]);
  const one = { files, rate: 1, platform: "linux-x64" } as State;
  const [first, again] = [planned(memory, one), planned(memory, one)] as [unknown[], unknown[]];
  expect(again[0]).toBe(first[0]);
  expect(again[1]).toBe(first[1]);
});

test("links that lead elsewhere make another resolution: a step reads through them", () => {
  const memory = orderMemory();
  const through = (target: string): readonly string[] => {
    const file = { kind: "file", tracked: true } as const;
    const files = [
      { ...file, path: "a.py" },
      { ...file, path: "b.py" },
      { ...file, path: "lib/one.py" },
    ];
    const tree = treeOf([...files, { path: "train.py", kind: "link", tracked: true, target }]);
    return memory.resolve({ pipeline, tree, params: { rate: 1 }, datasets: new Map() }).sources;
  };
  expect(through("a.py")).toContain("a.py");
  expect(through("b.py")).toContain("b.py");
});

test("three states are remembered, and the one that came first is forgotten for a fourth", () => {
  const memory = orderMemory();
  const files = PATHS.map(() => [1, false] as [number, boolean]);
  const at = (rate: number): unknown => (planned(memory, { files, rate, platform: "linux-x64" }) as unknown[])[0];
  const made = [at(1), at(2), at(3)];
  expect([at(1), at(2), at(3)].map((one, nth) => one === made[nth])).toEqual([true, true, true]);
  const fourth = at(4);
  expect([at(4) === fourth, at(3) === made[2], at(2) === made[1], at(1) === made[0]]).toEqual([
    true,
    true,
    true,
    false,
  ]);
});

test("an order is another one for other bytes, another size or bit, other pools and another accelerator", () => {
  const memory = orderMemory();
  const tree = treeOf(PATHS.map((path) => ({ path, kind: "file", tracked: true })));
  const resolution = memory.resolve({ pipeline, tree, params: { rate: 1 }, datasets: new Map() });
  const file = { digest: digestOf("1"), executable: false, size: 1 };
  const plain = { platform: "linux-x64", accelerator: null };
  const order = (changed: Partial<typeof file>, options: Parameters<OrderMemory["order"]>[2] = plain): unknown =>
    memory.order(resolution, (path) => (path === "train.py" ? { ...file, ...changed } : file), options);
  const first = order({});
  expect(order({})).toBe(first);
  expect(order({}, { ...plain, pool: null })).toBe(first);
  const others = [
    order({ digest: digestOf("2") }),
    order({ executable: true }),
    order({ size: 2 }),
    order({}, { ...plain, platform: "linux-arm64" }),
    order({}, { ...plain, accelerator: "cuda" }),
    order({}, { ...plain, pools: { default: plain } }),
    order({}, { ...plain, pool: "forks" }),
  ];
  expect(new Set([first, ...others]).size).toBe(8);
});

test("datasets and files of another kind make another resolution", () => {
  const memory = orderMemory();
  const files = (kind: "file" | "executable", tracked: boolean) =>
    treeOf(PATHS.map((path) => ({ path, kind, tracked })));
  const tree = files("file", true);
  const resolve = (more: object): unknown =>
    memory.resolve({ pipeline, tree, params: { rate: 1 }, datasets: new Map(), ...more });
  const first = resolve({});
  expect(resolve({})).toBe(first);
  expect(resolve({ tree: files("file", true) })).toBe(first);
  expect(resolve({ tree: files("executable", true) })).not.toBe(first);
  expect(resolve({ tree: files("file", false) })).not.toBe(first);
  expect(resolve({ datasets: new Map([["raw", { kind: "absent", path: "raw" }]]) })).not.toBe(first);
});
