import { expect, test } from "vitest";

import { formatBytes, formatLimit, formatMemory } from "../../src/report/bytes.ts";
import { formatDuration, formatSpread, roughDuration } from "../../src/report/duration.ts";
import { inOrder } from "../../src/report/step-order.ts";
import { alignColumns, displayWidth, fit } from "../../src/report/table.ts";
import { counted, formatTime, formatUsd, listed, ordinal } from "../../src/report/words.ts";
import { document, finished, stepRecord, workStep } from "./digits.ts";

test.each([
  [0, "0 ms"],
  [340.4, "340 ms"],
  [999.4, "999 ms"],
  [999.6, "1 s"],
  [2_000, "2 s"],
  [4_230, "4.2 s"],
  [9_940, "9.9 s"],
  [9_960, "10 s"],
  [41_400, "41 s"],
  [59_600, "1 min"],
  [192_000, "3 min 12 s"],
  [3_599_600, "1 h"],
  [7_500_000, "2 h 5 min"],
  [86_399_999, "1 d"],
  [273_600_000, "3 d 4 h"],
  [-5, "0 ms"],
  [Number.NaN, "0 ms"],
])("%d ms is %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test.each([
  [42_000, 3_000, "42 s ± 3"],
  [42_000, 400, "42 s"],
  [4_200, 310, "4.2 s ± 0.3"],
  [2_000, 20, "2 s"],
  [340, 12, "340 ms ± 12"],
  [340, 0.2, "340 ms"],
  [192_000, 8_000, "3 min 12 s ± 8 s"],
  [192_000, 100, "3 min 12 s"],
])("%d ± %d ms is %s", (median, spread, text) => {
  expect(formatSpread(median, spread)).toBe(text);
});

test.each([
  [10, "1 s"],
  [44_000, "45 s"],
  [7_100, "8 s"],
  [61_000, "1 min 30 s"],
  [700_000, "12 min"],
  [7_300_000, "2 h 5 min"],
])("about %d ms is %s", (ms, text) => {
  expect(roughDuration(ms)).toBe(text);
});

test("sizes", () => {
  expect([0, 812, 1_000, 1_240, 412_000_000, 999_960, 2e15].map(formatBytes)).toEqual([
    "0 B",
    "812 B",
    "1 kB",
    "1.2 kB",
    "412 MB",
    "1 MB",
    "2 PB",
  ]);
  expect([2 * 1024 ** 3, 1_536 * 1024 ** 2, 512 * 1024 ** 2].map(formatMemory)).toEqual([
    "2.0 GiB",
    "1.5 GiB",
    "512 MiB",
  ]);
  expect([2 * 1024 ** 3, 1_536 * 1024 ** 2, Number.POSITIVE_INFINITY].map(formatLimit)).toEqual([
    "2 GiB",
    "1.5 GiB",
    "0 B",
  ]);
});

test("columns are aligned by what is seen", () => {
  const red = `${String.fromCharCode(27)}[31mx${String.fromCharCode(27)}[39m`;
  expect([displayWidth("abc"), displayWidth("数据"), displayWidth("é"), displayWidth(red), displayWidth("▶")]).toEqual([
    3, 4, 1, 1, 1,
  ]);
  expect(
    alignColumns(
      [
        ["数据", "1", "z"],
        ["a", "100", ""],
      ],
      new Set([1]),
    ),
  ).toEqual(["数据    1  z", "a     100"]);
  expect([fit("abcdef", 6), fit("abcdefg", 6), fit("数据数据", 5)]).toEqual(["abcdef", "abcde…", "数据…"]);
});

test("words", () => {
  expect([counted(1, "step"), counted(0, "step")]).toEqual(["1 step", "0 steps"]);
  expect([1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(ordinal)).toEqual([
    "1st",
    "2nd",
    "3rd",
    "4th",
    "11th",
    "12th",
    "13th",
    "21st",
    "102nd",
    "111th",
  ]);
  expect([listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c", "d"], 3)]).toEqual([
    "",
    "a",
    "a and b",
    "a, b and 2 more",
  ]);
  expect([formatUsd(0), formatUsd(0.001), formatUsd(0.01), formatUsd(12.345)]).toEqual([
    "$0.00",
    "under $0.01",
    "$0.01",
    "$12.35",
  ]);
  expect(formatTime("2026-11-24T00:38:12.123Z")).toBe("2026-11-24 00:38");
});

test("steps of a record are shown in the order in which they could run", () => {
  const first = workStep("z", {}, { outputs: [{ path: "build", kind: "directory" }] });
  const second = workStep("a", {}, { inputs: [{ path: "build/part/x.csv", kind: "file", digest: "sha256:0" }] });
  const steps = [
    stepRecord(second, { kind: "cancelled" }),
    stepRecord(workStep("b"), { kind: "not-started", because: "a" }, { document: null }),
    stepRecord(first, { kind: "cancelled" }),
  ];
  expect(inOrder(steps).map((step) => step.name)).toEqual(["z", "a", "b"]);
  const circle = [
    {
      ...finished.steps[0]!,
      document: document({ inputs: [{ path: "b", kind: "file", digest: "" }], outputs: [{ path: "a", kind: "any" }] }),
    },
    {
      ...finished.steps[1]!,
      document: document({ inputs: [{ path: "a", kind: "file", digest: "" }], outputs: [{ path: "b", kind: "any" }] }),
    },
  ];
  expect(inOrder(circle)).toEqual(circle);
});
