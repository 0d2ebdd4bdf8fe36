import type { Cell, PlotData } from "../diff/read-plot.ts";
import type { Plot } from "../pipeline/pipeline.ts";
import { codeBlock, codeSpan, markdownTable, markdownText } from "./escape-markdown.ts";
import { mermaidText } from "./mermaid-text.ts";
import { counted } from "./words.ts";

/** A plot of a run with what its files hold; null: not there any more, or too large to be shown. */
export interface ShownPlot {
  readonly plot: Pick<Plot, "name" | "x" | "y" | "kind">;
  readonly series: readonly { readonly name: string; readonly path: string; readonly data: PlotData | null }[];
}

/** Points of one line; more are too narrow to be seen. */
const POINTS = 50;
const BARS = 20;
const LINES = 4;
/** Rows and columns of a heat map that is written as a table. */
const CELLS = 12;

type Table = Extract<PlotData, { kind: "table" }>;

/** A plot as a chart or a table of the comment; what has no such form is named, with how to fetch it. */
export function plotMarkdown(shown: ShownPlot, run: string): string {
  const drawn = drawing(shown);
  const title = `**${markdownText(shown.plot.name, 80)}**`;
  return drawn === undefined ? `${title}: ${instead(shown, run)}` : `${title}\n\n${drawn}`;
}

function drawing({ plot, series }: ShownPlot): string | undefined {
  const tables = series.flatMap(({ name, data }) => (data?.kind === "table" ? [{ name, table: data }] : []));
  const [first] = tables;
  if (first === undefined) return undefined;
  if (plot.kind === "heatmap") return tables.length === 1 ? heatMap(plot, first.table) : undefined;
  return plot.kind === "line" || plot.kind === "bar" ? chart({ ...plot, kind: plot.kind }, tables) : undefined;
}

function chart(
  plot: ShownPlot["plot"] & { readonly kind: "line" | "bar" },
  tables: readonly { readonly table: Table }[],
): string | undefined {
  const lines = tables.slice(0, LINES).flatMap(({ table }) => pointsOf(plot, table) ?? []);
  const [first] = lines;
  if (first === undefined || first.points.length === 0) return undefined;
  const points = spread(first.points, plot.kind === "bar" ? BARS : POINTS);
  const numeric = plot.kind === "line" && points.every(({ x }) => typeof x === "number");
  const axis = numeric
    ? `"${mermaidText(first.x, 40)}" ${String(points[0]?.x)} --> ${String(points.at(-1)?.x)}`
    : `[${points.map(({ x }) => `"${mermaidText(String(x), 20)}"`).join(", ")}]`;
  return codeBlock(
    [
      "xychart-beta",
      `  x-axis ${axis}`,
      `  y-axis "${mermaidText(first.y, 40)}"`,
      ...lines.map((line) => {
        const values = spread(line.points, plot.kind === "bar" ? BARS : POINTS).map(({ y }) => String(y));
        return `  ${plot.kind} [${values.join(", ")}]`;
      }),
    ],
    "mermaid",
  );
}

interface Line {
  readonly x: string;
  readonly y: string;
  readonly points: readonly { readonly x: string | number; readonly y: number }[];
}

/** The columns that the plot names, else the first one for x and the first other one with numbers for y. */
function pointsOf(plot: ShownPlot["plot"], { columns, rows }: Table): Line | undefined {
  const x = plot.x === null ? (columns.length > 1 ? 0 : -1) : columns.indexOf(plot.x);
  const numbers = (at: number): boolean => at !== x && rows.some((row) => typeof row[at] === "number");
  const y = plot.y === null ? columns.findIndex((_, at) => numbers(at)) : columns.indexOf(plot.y);
  if (y === -1 || (x === -1 && plot.x !== null)) return undefined;
  const points = rows.flatMap((row, at) => {
    const [across, up] = [x === -1 ? at : (row[x] ?? ""), row[y]];
    return typeof up === "number" ? [{ x: across, y: up }] : [];
  });
  return { x: columns[x] ?? "", y: columns[y] ?? "", points };
}

function heatMap(plot: ShownPlot["plot"], { columns, rows }: Table): string | undefined {
  const [x, y] = [plot.x ?? columns[0], plot.y ?? columns[1]].map((name) => columns.indexOf(name ?? ""));
  if (x === undefined || y === undefined || x === -1 || y === -1) return undefined;
  const value = columns.findIndex((_, at) => at !== x && at !== y && rows.some((row) => typeof row[at] === "number"));
  const cells = new Map<string, number>();
  const [across, down] = [new Set<Cell>(), new Set<Cell>()];
  for (const row of rows) {
    const [left, top, found] = [row[y] ?? "", row[x] ?? "", value === -1 ? 1 : row[value]];
    across.add(top);
    down.add(left);
    const at = JSON.stringify([left, top]);
    if (typeof found === "number") cells.set(at, (value === -1 ? (cells.get(at) ?? 0) : 0) + found);
  }
  if (across.size > CELLS || down.size > CELLS) return undefined;
  const shown = (cell: Cell): string => markdownText(String(cell), 20);
  const body = [...down].map((left) => [
    `**${shown(left)}**`,
    ...[...across].map((top) => String(cells.get(JSON.stringify([left, top])) ?? "")),
  ]);
  const corner = `${markdownText(columns[y] ?? "", 20)} ↓ ${markdownText(columns[x] ?? "", 20)} →`;
  return markdownTable([corner, ...[...across].map(shown)], body, new Set([...across].map((_, at) => at + 1)));
}

/** The first, the last, and evenly chosen ones between. */
function spread<Point>(points: readonly Point[], most: number): readonly Point[] {
  if (points.length <= most) return points;
  const wanted = new Set(Array.from({ length: most }, (_, at) => Math.round((at * (points.length - 1)) / (most - 1))));
  return points.filter((_, at) => wanted.has(at));
}

function instead({ series }: ShownPlot, run: string): string {
  const [first] = series;
  if (first === undefined) return "it has no files";
  const size = first.data?.kind === "table" ? `${counted(first.data.total, "point")}, ` : "";
  return `${size}${codeSpan(`sluice get ${run}:${first.path}`, 200)} fetches it`;
}
