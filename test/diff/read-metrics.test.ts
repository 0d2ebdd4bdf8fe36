import { expect, test } from "vitest";

import { readData } from "../../src/diff/read-data.ts";
import { readMetrics } from "../../src/diff/read-metrics.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function read(text: string, path = "m.json"): Promise<unknown> {
  const metrics = await readMetrics(path, bytes(text));
  return metrics.kind === "ok" ? metrics.value : metrics.refusal;
}

test("as many numbers as ten thousand are read", async () => {
  const numbers = (count: number): string =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [`m${at}`, at])));
  expect(Object.keys((await read(numbers(10_000))) as object).length).toBe(10_000);
  expect(await read(numbers(10_001))).toBe("it holds more than 10000 numbers");
});

test("maps and lists of one may be nested 64 deep", async () => {
  const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
  const lists = (depth: number): string => `{"a":${"[".repeat(depth - 1)}1${"]".repeat(depth - 1)}}`;
  expect(await read(nested(64))).toEqual({ [Array(64).fill("a").join(".")]: 1 });
  expect(await read(nested(65))).toBe("it is nested deeper than 64 levels");
  expect(await read(lists(64))).toEqual({ a: 1 });
  expect(await read(lists(66))).toBe("it is nested deeper than 64 levels");
});

test.each(["null", '"text"', "true", "7", "[7]", "[[7]]", "[NaN]", "NaN", "9007199254740993"])(
  "%s alone has no name",
  async (text) => {
    expect(await read(text)).toBe("it must hold a map of names and numbers");
  },
);

test("a map without numbers has no metrics", async () => {
  expect(await read('{"a": "x", "b": [], "c": [1, 2], "d": {}}')).toEqual({});
});

test.each([
  ["9007199254740991", 9007199254740991],
  ["-9007199254740991", -9007199254740991],
  ["9007199254740992", "9007199254740992"],
  ["-9007199254740993", "-9007199254740993"],
  ["9007199254740993.0", "9007199254740992"],
  ["1e400", "Infinity"],
  ["-1e400", "-Infinity"],
  [`-9${"0".repeat(308)}`, "-Infinity"],
])("the whole number %s is kept as %j", async (text, value) => {
  expect(await read(`{"n": ${text}}`)).toEqual({ n: value });
});

test("what is written by its ending is read by it, in capitals too", async () => {
  expect(await read("a: 1", "M.YAML")).toEqual({ a: 1 });
  expect(await read("a: 1", "m.yml")).toEqual({ a: 1 });
  expect(await read("a: 1", "m.yaml.json")).toMatch(/JSON/);
});

test("words of Python are read outside of texts only, and a fault beside them is still told", async () => {
  expect(await read(String.raw`{"a": "say \"NaN\"", "b": NaN, "c": -Infinity, "-Infinity": 1}`)).toEqual({
    b: "NaN",
    c: "-Infinity",
    "-Infinity": 1,
  });
  expect(await read('{"a": NaN, "b": }')).toMatch(/JSON/);
  expect(await read('{"a": NaNa}')).toMatch(/JSON/);
});

test("what a parser says is one line of at most 300 characters", async () => {
  const refused = await readData("m.yaml", bytes(`a: 1\n${"x".repeat(400)}: 1\n${"x".repeat(400)}: 2\nb: [`));
  if (refused.kind === "ok") throw new Error("two keys are equal");
  expect(refused.refusal.length).toBeLessThanOrEqual(300);
  expect(refused.refusal).not.toContain("\n");
});

test("16 MiB are read and no more", async () => {
  const padded = (size: number): Uint8Array => bytes('{"a": 1}'.padEnd(size));
  expect(await readMetrics("m.json", padded(16_777_216))).toEqual({ kind: "ok", value: { a: 1 } });
  expect(await readMetrics("m.json", padded(16_777_217))).toEqual({
    kind: "refused",
    refusal: "it has 16777217 bytes, and at most 16777216 are read",
  });
});
