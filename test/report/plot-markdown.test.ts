import fc from "fast-check";
import { expect, test } from "vitest";

import type { PlotData } from "../../src/diff/read-plot.ts";
import { plotMarkdown, type ShownPlot } from "../../src/report/plot-markdown.ts";

const table = (columns: readonly string[], ...rows: Extract<PlotData, { kind: "table" }>["rows"]): PlotData => ({
  kind: "table",
  columns,
  rows,
  total: rows.length,
});
const shown = (
  plot: Partial<ShownPlot["plot"]> & Pick<ShownPlot["plot"], "kind">,
  ...data: readonly (PlotData | null)[]
): ShownPlot => ({
  plot: { name: "loss", x: null, y: null, ...plot },
  series: data.map((one, at) => ({ name: `s${at}`, path: `reports/s${at}.csv`, data: one })),
});

test("a line is drawn over its numbers, and several share one chart", () => {
  const train = table(["epoch", "loss"], [1, 0.9], [2, null], [3, 0.4]);
  const valid = table(["epoch", "loss"], [1, 1], [3, 0.5]);
  expect(plotMarkdown(shown({ kind: "line", x: "epoch", y: "loss" }, train, valid), "r8x2")).toBe(
    [
      "**loss**\n",
      "```mermaid",
      "xychart-beta",
      '  x-axis "epoch" 1 --> 3',
      '  y-axis "loss"',
      "  line [0.9, 0.4]",
      "  line [1, 0.5]",
      "```",
    ].join("\n"),
  );
});

test("bars are named, and no more are drawn than can be seen", () => {
  const few = table(["label", "count"], ["a", 3], ["b", 4]);
  expect(plotMarkdown(shown({ kind: "bar" }, few), "r8x2")).toContain(
    '  x-axis ["a", "b"]\n  y-axis "count"\n  bar [3, 4]',
  );
  const many = table(["n", "count"], ...Array.from({ length: 500 }, (_, at) => [at, at] as const));
  const line = /line \[(.*)\]/.exec(plotMarkdown(shown({ kind: "line" }, many), "r8x2"))?.[1]?.split(", ");
  expect([line?.length, line?.[0], line?.at(-1)]).toEqual([50, "0", "499"]);
});

test("a heat map is a table of its cells; one that is too wide is named with how to fetch it", () => {
  const confusion = table(["actual", "predicted", "count"], [0, 0, 9], [0, 1, 1], [1, 0, 2], [1, 1, 8]);
  expect(plotMarkdown(shown({ kind: "heatmap", x: "predicted", y: "actual" }, confusion), "r8x2")).toBe(
    "**loss**\n\n| actual ↓ predicted → | 0 | 1 |\n|---|---:|---:|\n| **0** | 9 | 1 |\n| **1** | 2 | 8 |",
  );
  const pairs = table(["actual", "predicted"], ["cat", "cat"], ["cat", "dog"], ["cat", "dog"]);
  expect(plotMarkdown(shown({ kind: "heatmap", x: "predicted", y: "actual" }, pairs), "r8x2")).toContain(
    "| **cat** | 1 | 2 |",
  );
  const wide = table(["x", "y"], ...Array.from({ length: 13 }, (_, at) => [at, at] as const));
  expect(plotMarkdown(shown({ kind: "heatmap" }, wide), "r8x2")).toBe(
    "**loss**: 13 points, `sluice get r8x2:reports/s0.csv` fetches it",
  );
});

test("an image, a cloud of points and what is not there any more are named with how to fetch them", () => {
  for (const one of [
    shown({ kind: "image" }, { kind: "image", mediaType: "image/png" }),
    shown({ kind: "line" }, null),
    shown({ kind: "line", y: "missing" }, table(["a", "b"], [1, 2])),
  ])
    expect(plotMarkdown(one, "r8x2")).toContain("`sluice get r8x2:reports/s0.csv` fetches it");
});

test("whatever columns and cells are called, nothing leaves the chart or the table", () => {
  const cell = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom('"]\n  bar [1]', "```", "@team", "|", "-->", "%%{init"),
    fc.double({ noNaN: true }),
  );
  const rows = fc.array(fc.tuple(cell, fc.integer()), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(cell, cell, rows, fc.constantFrom("line", "bar", "heatmap"), (x, y, data, kind) => {
      const markdown = plotMarkdown(shown({ kind }, table([String(x), `${String(y)} `], ...data)), "r8x2");
      const fences = markdown.match(/^```/gm)?.length ?? 0;
      expect(fences === 0 || fences === 2).toBe(true);
      expect(markdown).not.toContain("@team");
      if (fences === 0) return;
      expect(markdown).not.toContain("%%{init");
      expect(markdown.match(/^ {2}(?:line|bar) \[/gm)).toHaveLength(1);
    }),
  );
});
