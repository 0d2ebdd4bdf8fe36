import { closest } from "../problem/suggest.ts";
import type { Plot } from "../pipeline/pipeline.ts";
import { readData } from "./read-data.ts";
import type { PlotData } from "./read-plot.ts";

const MOST = 3;
const LONGEST = 40;
const MAX_DEPTH = 64;

/** Sentences' ends about numbers that a metrics file gives as text: `` `auc` is text in m.json: "0.9" ``. */
export async function textNumbers(path: string, bytes: Uint8Array): Promise<readonly string[]> {
  const data = await readData(path, bytes);
  if (data.kind === "refused") return [];
  return textsIn(data.value, "", 0)
    .slice(0, MOST)
    .map(({ name, text }) => `${code(name)} is text in ${code(path)} and no number: ${JSON.stringify(text)}`);
}

interface Text {
  readonly name: string;
  readonly text: string;
}

function textsIn(value: unknown, name: string, depth: number): readonly Text[] {
  if (typeof value === "string")
    return name !== "" && isNumber(value) ? [{ name, text: value.trim().slice(0, LONGEST) }] : [];
  if (typeof value !== "object" || value === null || Array.isArray(value) || depth === MAX_DEPTH) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    textsIn(member, name === "" ? key : `${name}.${key}`, depth + 1),
  );
}

/** `NaN` and `Infinity` are numbers of a metrics file already. */
function isNumber(text: string): boolean {
  return /^\s*[-+]?(?:\d|\.\d)/.test(text) && Number.isFinite(Number(text));
}

/** What a plot asks for and a table does not have, as a sentence's end; undefined where it has all. */
export function missingColumn({ x, y }: Pick<Plot, "x" | "y">, path: string, data: PlotData): string | undefined {
  if (data.kind !== "table" || data.columns.length === 0) return undefined;
  const { columns } = data;
  const gone = [x, y].find((name) => name !== null && !columns.includes(name));
  if (gone === undefined || gone === null) return undefined;
  const meant = closest(gone, columns);
  const has = columns
    .slice(0, 6)
    .map((name) => name.slice(0, LONGEST))
    .join(", ");
  const mend = meant === undefined ? `it has ${has}${columns.length > 6 ? ", …" : ""}` : `did you mean ${meant}?`;
  return `its plot ${code(path)} has no column ${code(gone)} (${mend})`;
}

function code(text: string): string {
  return `\`${text.replaceAll("`", "'").slice(0, LONGEST * 2)}\``;
}
