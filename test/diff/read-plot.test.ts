import { expect, test } from "vitest";

import { MAX_ROWS, readPlot } from "../../src/diff/read-plot.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

async function table(path: string, text: string): Promise<unknown> {
  const read = await readPlot(path, bytes(text));
  return read.kind === "ok" && read.value.kind === "table" ? [read.value.columns, ...read.value.rows] : read;
}
const refusal = async (path: string, text: string): Promise<unknown> => {
  const read = await readPlot(path, bytes(text));
  return read.kind === "refused" ? read.refusal : read;
};

test.each([
  ["p.png", "\u0089PNG\r\n\u001a\n…", "image/png"],
  ["p.jpg", "\u00ff\u00d8\u00ff\u00e0", "image/jpeg"],
  ["p.JPEG", "\u00ff\u00d8\u00ff\u00e0", "image/jpeg"],
  ["p.gif", "GIF87a", "image/gif"],
  ["dir.csv/p.gif", "GIF89a", "image/gif"],
  ["p.svg", "<svg>", "image/svg+xml"],
  ["p.svg", `<!-- ${"x".repeat(900)} --><svg\n`, "image/svg+xml"],
])("%s that begins with %j is an image", async (path, text, mediaType) => {
  expect(await readPlot(path, bytes(text))).toEqual({ kind: "ok", value: { kind: "image", mediaType } });
});

test.each([
  ["p.png", "PNG"],
  ["p.png", " \u0089PNG\r\n\u001a\n"],
  ["p.jpg", "GIF89a"],
  ["p.gif", "GIF88a"],
  ["p.gif", " GIF89a"],
  ["p.svg", "<svgx>"],
  ["p.svg", `${"x".repeat(2_000)}<svg>`],
])("%s that begins with %j is none", async (path, text) => {
  expect(await refusal(path, text)).toBe(`it does not begin like a .${path.split(".")[1]} file`);
});

test.each(["p", "p.csv.gz", "csv", "p.", "p.csv "])("no plot is called %j", async (path) => {
  expect(await refusal(path, "x\n1\n")).toBe("plots are .csv, .tsv, .json, .yaml, .png, .jpg, .gif or .svg files");
});

test.each<[string, string, unknown]>([
  [
    "no line end at the end",
    "x,y\n1,2",
    [
      ["x", "y"],
      [1, 2],
    ],
  ],
  ["line ends of old Macs, and empty lines", "x\r\r1\r\n\n2\n", [["x"], [1], [2]]],
  [
    "separators, line ends and quotes in quotes",
    'x,y\n"a,b","c\nd"\n"e""f",""""\n',
    [
      ["x", "y"],
      ["a,b", "c\nd"],
      ['e"f', '"'],
    ],
  ],
  [
    "empty fields, also the last one",
    "x,y,z\n,,\n1,,\n,,3",
    [
      ["x", "y", "z"],
      [null, null, null],
      [1, null, null],
      [null, null, 3],
    ],
  ],
  [
    "a last field that is empty at the end of the file",
    "x,y\n1,",
    [
      ["x", "y"],
      [1, null],
    ],
  ],
  ["a quote within a field that did not begin with one", 'x\na"b\n', [["x"], ['a"b']]],
  ["numbers as they are written", "x\n-1\n+2\n.5\n1e3\n 7 \n", [["x"], [-1], [2], [0.5], [1000], [7]]],
  [
    "what only looks like a number",
    "x\n0x10\n-0X1\nInfinity\n1e999\nNaN\n1_0\n",
    [["x"], ["0x10"], ["-0X1"], ["Infinity"], ["1e999"], ["NaN"], ["1_0"]],
  ],
  [
    "a field of spaces",
    "x,y\n  ,a b\n",
    [
      ["x", "y"],
      [null, "a b"],
    ],
  ],
])("%s", async (_, text, expected) => {
  expect(await table("p.csv", text)).toEqual(expected);
});

test("a tab separates where the ending says so, and a comma does not", async () => {
  expect(await table("p.tsv", "x\ty\n1,5\t2\n")).toEqual([
    ["x", "y"],
    ["1,5", 2],
  ]);
  expect(await table("p.csv", "x\ty\n1\t2\n")).toEqual([["x\ty"], ["1\t2"]]);
});

test.each([
  ['x\n"a"b\n', "record 2 has a quote that does not end"],
  ['x\n1\n"a\n\n', "record 3 has a quote that does not end"],
  ["x,y\n1,2\n1,2,3\n", "record 3 has 3 fields and the first line 2"],
  ["x,y\n1,2\n1\n", "record 3 has 1 fields and the first line 2"],
  ["a,x,b,x\n", "two columns are called `x`"],
  ["\n\n", "it is empty: the first line names the columns"],
])("%j is refused", async (text, why) => {
  expect(await refusal("p.csv", text)).toBe(why);
});

const POINTS = "it must hold a list of maps, one a point";

test.each<[string, unknown, unknown]>([
  [
    "a list of maps, with all their names",
    [{ x: 1 }, { y: "a", x: 2 }],
    [
      ["x", "y"],
      [1, null],
      [2, "a"],
    ],
  ],
  [
    "booleans as words, and nothing for what is no cell",
    [{ x: true, y: [1], z: { a: 1 }, w: null }],
    [
      ["x", "y", "z", "w"],
      ["true", null, null, null],
    ],
  ],
  [
    "a name that every object has",
    [{ constructor: 1 }, { x: 2 }],
    [
      ["constructor", "x"],
      [1, null],
      [null, 2],
    ],
  ],
  [
    "the first member that is a list of maps",
    { title: "t", none: [null], curve: [{ x: 1 }], more: [{ y: 2 }] },
    [["x"], [1]],
  ],
  [
    "a map of lists",
    { x: [1, 2], y: ["a", false] },
    [
      ["x", "y"],
      [1, "a"],
      [2, "false"],
    ],
  ],
  ["no points", [], [[]]],
  ["lists without points", { x: [], y: [] }, [[]]],
])("%s", async (_, value, expected) => {
  expect(await table("p.json", JSON.stringify(value))).toEqual(expected);
  expect(await table("p.yml", JSON.stringify(value))).toEqual(expected);
});

test.each<unknown>([
  1,
  null,
  "x",
  [1],
  [null],
  [[1]],
  [{ x: 1 }, [2]],
  {},
  { x: [1], y: [1, 2] },
  { x: [1], y: 1 },
  { x: 1 },
])("%j has no points", async (value) => {
  expect(await refusal("p.json", JSON.stringify(value))).toBe(POINTS);
});

test("NaN is an empty cell", async () => {
  expect(await table("p.yaml", "- x: .nan\n- x: .inf\n- x: 1\n")).toEqual([["x"], [null], [null], [1]]);
});

test("what cannot be read is refused as its reader says", async () => {
  expect(await refusal("p.csv", "\u00ff")).toBe("it is not UTF-8 text");
  expect(await refusal("p.json", "\u00ff")).toBe("it is not UTF-8 text");
});

test("200 columns are read and no more", async () => {
  const columns = (count: number): string[] => Array.from({ length: count }, (_, at) => `c${at}`);
  expect(await table("p.csv", columns(200).join())).toEqual([columns(200)]);
  expect(await refusal("p.csv", columns(201).join())).toBe("it has 201 columns, and at most 200 are read");
  const points = (count: number): string =>
    JSON.stringify([Object.fromEntries(columns(count).map((name) => [name, 1]))]);
  expect(await table("p.json", points(200))).toEqual([columns(200), columns(200).map(() => 1)]);
  expect(await refusal("p.json", points(201))).toBe("it has 201 columns, and at most 200 are read");
});

test.each([MAX_ROWS, MAX_ROWS + 1, 3 * MAX_ROWS])(
  "of %d rows as many as are shown are chosen evenly",
  async (length) => {
    const text = `x\n${Array.from({ length }, (_, at) => at).join("\n")}\n`;
    const read = await readPlot("p.csv", bytes(text));
    if (read.kind === "refused" || read.value.kind !== "table") throw new Error("refused");
    const rows = read.value.rows.map(([x]) => Number(x));
    expect([rows.length, rows[0], rows.at(-1), read.value.total]).toEqual([MAX_ROWS, 0, length - 1, length]);
    const gaps = rows.slice(1).map((x, at) => x - (rows[at] ?? 0));
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(1);
  },
);
