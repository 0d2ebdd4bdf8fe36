import { ok, refused, type Result } from "../result/result.ts";
import { readData, readText } from "./read-data.ts";

export type Cell = number | string | null;

/** A plot's data: a table of bounded length, or an image that is shown as it is. */
export type PlotData =
  | {
      readonly kind: "table";
      readonly columns: readonly string[];
      readonly rows: readonly (readonly Cell[])[];
      /** Rows of the file; when there are more than `rows`, evenly chosen ones stand for all. */
      readonly total: number;
    }
  | { readonly kind: "image"; readonly mediaType: string };

type Table = { readonly columns: readonly string[]; readonly rows: readonly (readonly Cell[])[] };

export const MAX_ROWS = 1_000;
const MAX_COLUMNS = 200;

/** Reads a plot file by its ending: CSV, TSV, JSON, YAML or an image; the refusal says what is wrong with it. */
export async function readPlot(path: string, bytes: Uint8Array): Promise<Result<PlotData, string>> {
  const ending = /\.([A-Za-z0-9]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  switch (ending) {
    case "png":
    case "jpg":
    case "jpeg":
    case "gif":
    case "svg":
      return readImage(ending, bytes);
    case "csv":
    case "tsv": {
      const text = readText(bytes);
      return text.kind === "refused" ? text : bounded(readDelimited(text.value, ending === "csv" ? "," : "\t"));
    }
    case "json":
    case "yaml":
    case "yml": {
      const data = await readData(path, bytes);
      return data.kind === "refused" ? data : bounded(readRecords(data.value));
    }
    default:
      return refused("plots are .csv, .tsv, .json, .yaml, .png, .jpg, .gif or .svg files");
  }
}

/** A file must begin as its ending says. */
function readImage(ending: string, bytes: Uint8Array): Result<PlotData, string> {
  const head = Buffer.from(bytes.subarray(0, 1_024)).toString("latin1");
  const [mediaType, begins]: readonly [string, boolean] =
    ending === "png"
      ? ["image/png", head.startsWith("\u0089PNG\r\n\u001a\n")]
      : ending === "gif"
        ? ["image/gif", /^GIF8[79]a/.test(head)]
        : ending === "svg"
          ? ["image/svg+xml", /<svg[\s>]/.test(head)]
          : ["image/jpeg", head.startsWith("\u00ff\u00d8\u00ff")];
  return begins ? ok({ kind: "image", mediaType }) : refused(`it does not begin like a .${ending} file`);
}

function bounded(table: Result<Table, string>): Result<PlotData, string> {
  if (table.kind === "refused") return table;
  const { columns, rows } = table.value;
  if (columns.length > MAX_COLUMNS)
    return refused(`it has ${columns.length} columns, and at most ${MAX_COLUMNS} are read`);
  return ok({ kind: "table", columns, rows: chosen(rows), total: rows.length });
}

/** The first, the last, and evenly chosen ones between. */
function chosen<Row>(rows: readonly Row[]): readonly Row[] {
  if (rows.length <= MAX_ROWS) return rows;
  const step = (rows.length - 1) / (MAX_ROWS - 1);
  const wanted = new Set(Array.from({ length: MAX_ROWS }, (_, at) => Math.round(at * step)));
  return rows.filter((_, at) => wanted.has(at));
}

function readDelimited(text: string, separator: string): Result<Table, string> {
  const lines = splitRecords(text, separator);
  if (lines.kind === "refused") return lines;
  const [columns, ...rows] = lines.value;
  if (columns === undefined) return refused("it is empty: the first line names the columns");
  const twice = columns.find((name, at) => columns.indexOf(name) !== at);
  if (twice !== undefined) return refused(`two columns are called \`${twice}\``);
  const odd = rows.findIndex((row) => row.length !== columns.length);
  if (odd !== -1)
    return refused(`record ${odd + 2} has ${rows[odd]?.length ?? 0} fields and the first line ${columns.length}`);
  return ok({ columns, rows: rows.map((row) => row.map(cellOf)) });
}

/** Records of RFC 4180: quoted fields may hold separators, line ends and doubled quotes. */
function splitRecords(text: string, separator: string): Result<readonly (readonly string[])[], string> {
  const records: string[][] = [];
  const quote = new RegExp(
    `"((?:[^"]|"")*)"(?=[${separator}\\r\\n]|$)|([^"${separator}\\r\\n][^${separator}\\r\\n]*)?`,
    "y",
  );
  let record: string[] = [];
  for (let at = 0; at < text.length;) {
    quote.lastIndex = at;
    const match = quote.exec(text);
    const end = at + (match?.[0].length ?? 0);
    const next = text[end];
    if (match === null || (next !== undefined && next !== separator && next !== "\n" && next !== "\r")) {
      return refused(`record ${records.length + 1} has a quote that does not end`);
    }
    record.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    at = end + 1;
    if (next === separator && at < text.length) continue;
    if (next === separator) record.push("");
    if (next === "\r" && text[at] === "\n") at++;
    if (record.length > 1 || record[0] !== "") records.push(record);
    record = [];
  }
  return ok(records);
}

function cellOf(text: string): Cell {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  const value = Number(trimmed);
  return Number.isFinite(value) && /^[+-]?[\d.]/.test(trimmed) && !/^[+-]?0x/i.test(trimmed) ? value : text;
}

/** A list of maps, or a map in which one member is such a list, or a map of equally long lists. */
function readRecords(value: unknown): Result<Table, string> {
  const records = Array.isArray(value) ? value : recordsWithin(value);
  if (records === undefined) return refused("it must hold a list of maps, one a point");
  const columns = new Set<string>();
  for (const record of records) {
    if (typeof record !== "object" || record === null || Array.isArray(record))
      return refused("it must hold a list of maps, one a point");
    for (const name of Object.keys(record)) columns.add(name);
    if (columns.size > MAX_COLUMNS) break;
  }
  const names = [...columns];
  return ok({ columns: names, rows: records.map((record) => names.map((name) => cellIn(record, name))) });
}

function recordsWithin(value: unknown): readonly unknown[] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const members = Object.entries(value);
  const list = members.find(
    ([, member]) => Array.isArray(member) && typeof member[0] === "object" && member[0] !== null,
  )?.[1];
  if (Array.isArray(list)) return list;
  const lengths = new Set(members.map(([, member]) => (Array.isArray(member) ? member.length : -1)));
  const [length] = lengths;
  if (lengths.size !== 1 || length === undefined || length < 0) return undefined;
  return Array.from({ length }, (_, at) => Object.fromEntries(members.map(([name, member]) => [name, member[at]])));
}

function cellIn(record: object, name: string): Cell {
  const value: unknown = Object.hasOwn(record, name) ? Reflect.get(record, name) : null;
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "string") return value;
  return typeof value === "boolean" ? String(value) : null;
}
