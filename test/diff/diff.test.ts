import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import { formatDelta, formatMetric } from "../../src/diff/number.ts";
import { readMetrics } from "../../src/diff/read-metrics.ts";
import { readPlot } from "../../src/diff/read-plot.ts";
import { diffRuns } from "../../src/diff/run-diff.ts";
import { judge, judgeGate, type MetricReading } from "../../src/diff/verdict.ts";
import type { RunRecord } from "../../src/run/run-record.ts";
import { digitsRun, doneStep } from "../manifest/run-records.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function reading(change: Partial<MetricReading>): MetricReading {
  return { name: "m", step: "s", goal: "higher", tolerance: null, gate: null, gateAction: "stop", ...change };
}
const absolute = { tolerance: { kind: "absolute", value: 0.002 } } as const;
const relative = { tolerance: { kind: "relative", value: 0.01 } } as const;

test.each([
  [{}, 0.9, 0.91, "better"],
  [{}, 0.9, 0.9, "within-tolerance"],
  [{}, 0.3, 0.1 + 0.2, "better"],
  [{ goal: "lower" as const }, 0.9, 0.91, "worse"],
  [absolute, 0.9869, 0.9889, "within-tolerance"],
  [absolute, 1000, 1000.002, "within-tolerance"],
  [absolute, 0.9848, 0.9889, "better"],
  [relative, 0.0712, 0.0709, "within-tolerance"],
  [relative, 100, 98.9, "worse"],
  [relative, 0, 1e-9, "better"],
  [relative, -100, -99.5, "within-tolerance"],
  [{ goal: null }, 1, 2, "informational"],
  [{}, 1, "NaN", "not-finite"],
  [{}, "Infinity", 1, "not-finite"],
  [{}, undefined, 1, "missing"],
  [{ goal: "lower" as const }, 0.91, 0.9, "better"],
  [relative, 100, 101, "within-tolerance"],
  [relative, 100, 101.0001, "better"],
  [{ tolerance: { kind: "absolute", value: 0 } } as const, 0.3, 0.1 + 0.2, "better"],
  [{ goal: null }, "NaN", 1, "not-finite"],
  [{}, "9007199254740993", "9007199254740997", "better"],
] as const)("%j from %j to %j is %s", (change, from, to, kind) => {
  expect(judge(reading(change), from, to).kind).toBe(kind);
});

test.each([
  [">=", 0.95, 0.95, "passed"],
  [">", 0.95, 0.95, "failed"],
  ["<=", 1, 1.1, "failed"],
  ["<", 1, 0.9, "passed"],
  ["==", 1, 1, "passed"],
  ["==", 1, 0, "failed"],
  [">", 0.95, 0.96, "passed"],
  [">=", 0.95, 0.94, "failed"],
  ["<=", 1, 1, "passed"],
  ["<", 1, 1, "failed"],
  [">=", 1, "9007199254740993", "passed"],
  ["<", 0, "-Infinity", "unknown"],
  [">=", 0, "NaN", "unknown"],
  [">=", 0, undefined, "unknown"],
] as const)("gate %s %d on %j: %s", (operator, bound, value, kind) => {
  expect(judgeGate({ operator, bound }, value).kind).toBe(kind);
});

test.each([
  [0.9889, undefined, "0.9889"],
  [0.98894321, undefined, "0.9889"],
  [0.9889, 0.98890001, "0.9889"],
  [123456.789, undefined, "123457"],
  [-0.5, undefined, "−0.5"],
  [1e-7, undefined, "1e−7"],
  [-0, undefined, "0"],
  [1797, undefined, "1797"],
  [1.5e20, undefined, "1.5e+20"],
  [0.98894321, 0.98894322, "0.98894321"],
  [0.5, 0.25, "0.5"],
  [-12345.678, undefined, "−12346"],
  [12.3456, undefined, "12.35"],
  [1e-4, undefined, "0.0001"],
  [9.9e-5, undefined, "9.9e−5"],
  [999999999999999, undefined, "999999999999999"],
  [1e15, undefined, "1e+15"],
  [1.7976931348623157e308, undefined, "1.7976931348623157e+308"],
  ["9007199254740993", undefined, "9007199254740993"],
  ["-9007199254740993", undefined, "−9007199254740993"],
  ["NaN", 1, "NaN"],
  ["-Infinity", 1, "-Infinity"],
  [0.98894321, "NaN", "0.9889"],
] as const)("metric %d beside %j is %s", (value, beside, shown) => {
  expect(formatMetric(value, beside)).toBe(shown);
});

test.each<[number, number, string, string]>([
  [0.98765, 0.98764, "0.98765", "0.98764"],
  [0.9, 0.95, "0.9", "0.95"],
  [1.23456789, 1.2345, "1.23457", "1.2345"],
  [100.04, 100.05, "100.04", "100.05"],
  [-0.123456, 0.123456, "−0.1235", "0.1235"],
  [12345.6, 12345.7, "12345.6", "12345.7"],
])("%d beside %d has the digits that tell them apart and how far", (a, b, shownA, shownB) => {
  expect([formatMetric(a, b), formatMetric(b, a)]).toEqual([shownA, shownB]);
});

test.each([
  [0.0041, "+0.0041"],
  [-0.00030000000000000512, "−0.0003"],
  [1e-9, "+1e−9"],
  [1234.5, "+1235"],
  [-12, "−12"],
  [0, "0"],
  [-0, "0"],
  [0.0123456, "+0.012"],
  [-123456789, "−123456789"],
  [1e15, "+1e+15"],
  [-1.25e-5, "−1.3e−5"],
  [Number.POSITIVE_INFINITY, "+∞"],
  [Number.NEGATIVE_INFINITY, "−∞"],
  [Number.NaN, "?"],
])("difference %d is %s", (delta, shown) => {
  expect(formatDelta(delta)).toBe(shown);
});

test("what is missing is told by its side, and a gate by its words", () => {
  const missing = (from: number | undefined, to: number | undefined): unknown => judge(reading({}), from, to);
  expect(missing(undefined, 1)).toEqual({ kind: "missing", side: "from" });
  expect(missing(1, undefined)).toEqual({ kind: "missing", side: "to" });
  expect(missing(undefined, undefined)).toEqual({ kind: "missing", side: "both" });
  expect(judge(undefined, 1, 2)).toEqual({ kind: "informational" });
  expect(judgeGate({ operator: "<=", bound: 0.5 }, 1)).toEqual({ kind: "failed", gate: "<= 0.5" });
  expect(judgeGate({ operator: "<=", bound: 0.5 }, undefined)).toEqual({ kind: "unknown", gate: "<= 0.5" });
});

test("two runs on the same data", () => {
  const diff = diffRuns(
    digitsRun({ accuracy: 0.9848 }),
    digitsRun({
      params: { seed: 7, train: { learning_rate: 0.05 } },
      sources: { "src/train.mjs": digestOf("other"), constructor: digestOf("x") },
    }),
  );
  expect(diff.parameters).toEqual([{ name: "train.learning_rate", from: 0.1, to: 0.05 }]);
  expect(diff.code).toEqual([
    { path: "constructor", change: "added" },
    { path: "package-lock.json", change: "removed" },
    { path: "src/evaluate.mjs", change: "removed" },
    { path: "src/train.mjs", change: "changed" },
  ]);
  expect(diff.metrics.map(({ name, verdict, gate }) => [name, verdict.kind, gate?.kind])).toEqual([
    ["accuracy", "better", "passed"],
    ["log_loss", "within-tolerance", undefined],
  ]);
  expect(diff.overall).toBe("better");
});

test("other data below a metric makes it not comparable; the same bytes under another name do not", () => {
  const other = diffRuns(digitsRun(), digitsRun({ data: "more digits" }));
  expect(other.metrics[0]?.verdict).toEqual({ kind: "not-comparable", dataset: "raw" });
  expect(other.overall).toBe("not-judged");
  const [dataset] = digitsRun().datasets;
  if (dataset === undefined) throw new Error("no dataset");
  const renamed = diffRuns(digitsRun(), digitsRun({ datasets: [{ ...dataset, name: "scans" }] }));
  expect(renamed.metrics[0]?.verdict.kind).toBe("within-tolerance");
});

test("data that only another branch of the graph reads does not matter", () => {
  const run = digitsRun();
  const beside = (data: string): RunRecord => ({
    ...run,
    datasets: [...run.datasets, { name: "maps", path: "data/maps.csv", digest: digestOf(data), size: 1, uri: null }],
    steps: [...run.steps, doneStep("draw", { inputs: [["data/maps.csv", "dataset", data]], outputs: { map: data } })],
  });
  expect(diffRuns(beside("old"), beside("new")).metrics[0]?.verdict.kind).toBe("within-tolerance");
  expect(diffRuns(beside("old"), beside("new")).data).toEqual([{ path: "maps", change: "changed" }]);
});

test("data that went or came below a metric makes it not comparable", () => {
  const without = digitsRun({ datasets: [], steps: digitsRun().steps.filter((step) => step.name === "evaluate") });
  expect(diffRuns(digitsRun(), without).metrics[0]?.verdict).toEqual({ kind: "not-comparable", dataset: "raw" });
  expect(diffRuns(without, digitsRun()).metrics[0]?.verdict).toEqual({ kind: "not-comparable", dataset: "raw" });
});

test("a judged number that is lost is no improvement", () => {
  const before = digitsRun({ accuracy: 0.96 });
  const lost = digitsRun({ accuracy: "NaN" });
  expect(diffRuns(before, lost).overall).toBe("mixed");
  expect(diffRuns(before, lost).metrics[0]).toMatchObject({
    verdict: { kind: "not-finite" },
    delta: null,
    gate: { kind: "unknown" },
  });
});

test("what surrounded the steps is said once for all steps that share it", () => {
  const run = digitsRun();
  const later = {
    ...run,
    host: { ...run.host, cpus: 8 },
    steps: run.steps.map((step) =>
      step.document === null ? step : { ...step, document: { ...step.document, tools: { node: "26" } } },
    ),
  };
  expect(diffRuns(run, later).environment).toEqual([
    { name: "tool node", from: "24", to: "26", steps: ["prepare", "train", "evaluate"] },
    { name: "cores", from: "2", to: "8", steps: [] },
  ]);
});

test.each<[string, string, string, unknown]>([
  [
    "nested names, one-element lists, and what is no number",
    "m.json",
    '{"a": {"b": 1, "c": [2], "d": [3, 4]}, "ok": true, "note": "x", "none": null, "z": -0.0}',
    { "a.b": 1, "a.c": 2, z: 0 },
  ],
  [
    "Python's words, not within strings",
    "m.json",
    '{"note": "a: NaN, b", "x": NaN, "y": [-Infinity], "z":Infinity}',
    { x: "NaN", y: "-Infinity", z: "Infinity" },
  ],
  ["YAML's words", "m.yml", "a: .nan\nb: -.inf\nc: 1e-3\n", { a: "NaN", b: "-Infinity", c: 0.001 }],
  ["a byte-order mark", "m.json", '\ufeff{"a": 1}', { a: 1 }],
  ["a list of one map", "m.json", '[{"a": 1}]', { a: 1 }],
  [
    "whole numbers that a double does not hold",
    "m.json",
    '{"n": 9007199254740993, "m": -9007199254740992, "float": 1e20, "safe": 9007199254740991}',
    { n: "9007199254740993", m: "-9007199254740992", float: "100000000000000000000", safe: 9007199254740991 },
  ],
  [
    "such numbers in YAML",
    "m.yaml",
    "n: 9007199254740993\nsmall: 7\nfloat: 1e20\n",
    { n: "9007199254740993", small: 7, float: "100000000000000000000" },
  ],
  ["a number of a thousand digits", "m.json", `{"n": ${"9".repeat(1000)}}`, { n: "Infinity" }],
])("metrics: %s", async (_, path, text, value) => {
  expect(await readMetrics(path, bytes(text))).toEqual({ kind: "ok", value });
});

test.each<[string, string, string | Uint8Array, RegExp]>([
  ["a number alone", "m.json", "1", /^it must hold a map of names and numbers$/],
  ["a list of one number", "m.json", "[1]", /^it must hold a map of names and numbers$/],
  ["nothing", "m.json", "", /JSON/],
  ["half a map", "m.json", '{"a": ', /JSON/],
  ["bytes that are no text", "m.json", new Uint8Array([0xff, 0xfe]), /^it is not UTF-8 text$/],
  ["one name twice", "m.json", '{"a.b": 1, "a": {"b": 2}}', /^two values are called `a\.b`$/],
  ["a deep nest", "m.json", `${'{"a":'.repeat(100)}1${"}".repeat(100)}`, /^it is nested deeper than 64 levels$/],
  ["YAML with one key twice", "m.yaml", "a: 1\na: 2\n", /unique/],
])("metrics refused: %s", async (_, path, content, why) => {
  const read = await readMetrics(path, typeof content === "string" ? bytes(content) : content);
  expect(read).toEqual({ kind: "refused", refusal: expect.stringMatching(why) });
});

const table = {
  kind: "table",
  columns: ["x", "y"],
  rows: [
    [1, "a"],
    [2.5, null],
  ],
  total: 2,
};

test.each<[string, string]>([
  ["p.csv", "x,y\n1,a\n2.5,\n"],
  ["p.csv", '\ufeff"x","y"\r\n1,"a"\r\n\r\n2.5,""'],
  ["p.tsv", "x\ty\n1\ta\n2.5\t\n"],
  ["p.json", '[{"x": 1, "y": "a"}, {"x": 2.5, "y": null}]'],
  ["p.json", '{"curve": [{"x": 1, "y": "a"}, {"x": 2.5}]}'],
  ["p.json", '{"x": [1, 2.5], "y": ["a", null]}'],
  ["p.yaml", "- {x: 1, y: a}\n- {x: 2.5}\n"],
])("plot %s of %j", async (path, text) => {
  expect(await readPlot(path, bytes(text))).toEqual({ kind: "ok", value: table });
});

test.each<[string, string, string]>([
  ["p.csv", "", "it is empty: the first line names the columns"],
  ["p.csv", "x,x\n1,2\n", "two columns are called `x`"],
  ["p.csv", "x,y\n1\n", "record 2 has 1 fields and the first line 2"],
  ["p.csv", 'x,y\n1,"a\n', "record 2 has a quote that does not end"],
  ["p.json", "[1, 2]", "it must hold a list of maps, one a point"],
  ["p.png", "hello", "it does not begin like a .png file"],
  ["p.pkl", "", "plots are .csv, .tsv, .json, .yaml, .png, .jpg, .gif or .svg files"],
])("plot %s of %j is refused", async (path, text, refusal) => {
  expect(await readPlot(path, bytes(text))).toEqual({ kind: "refused", refusal });
});

test("images are known by their first bytes", async () => {
  expect(await readPlot("p.png", new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0]))).toEqual({
    kind: "ok",
    value: { kind: "image", mediaType: "image/png" },
  });
  expect(await readPlot("p.svg", bytes('<?xml version="1.0"?>\n<svg xmlns="x"/>'))).toEqual({
    kind: "ok",
    value: { kind: "image", mediaType: "image/svg+xml" },
  });
});
