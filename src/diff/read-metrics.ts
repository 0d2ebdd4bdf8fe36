import type { MetricValue } from "../key/key-document.ts";
import { ok, refused, type Result } from "../result/result.ts";
import { readData } from "./read-data.ts";

const MAX_METRICS = 10_000;
const MAX_DEPTH = 64;

/**
 * Numbers of a metrics file by dotted name; YAML or JSON by its ending. Booleans, texts and longer lists are no
 * metrics; the words NaN and Infinity are kept. The refusal is a sentence's end that names the fault.
 */
export async function readMetrics(
  path: string,
  bytes: Uint8Array,
): Promise<Result<Readonly<Record<string, MetricValue>>, string>> {
  const data = await readData(path, bytes);
  if (data.kind === "refused") return data;
  if (typeof data.value !== "object" || data.value === null) return refused("it must hold a map of names and numbers");
  const metrics = new Map<string, MetricValue>();
  const fault = flatten(metrics, { name: "", depth: 0 }, data.value);
  if (fault === undefined) return ok(Object.fromEntries(metrics));
  return refused(typeof fault === "string" ? fault : inexact(fault, new TextDecoder().decode(bytes)));
}

/** A whole number that a double does not hold: told as it stands in the file. */
interface Inexact {
  readonly name: string;
  readonly value: number;
}

function inexact({ name, value }: Inexact, text: string): string {
  const written = (text.match(/[-+]?\d[\d_.eE+-]*/g) ?? []).find((token) => Number(token) === value) ?? String(value);
  return `\`${name}\` is ${written}, and numbers beyond 2^53 are not exact: write it in thousands or millions, or as text`;
}

interface Place {
  readonly name: string;
  readonly depth: number;
}

/** Adds what stands at a place; answers why it cannot. */
function flatten(into: Map<string, MetricValue>, at: Place, value: unknown): string | Inexact | undefined {
  if (typeof value === "number" || value === "NaN" || value === "Infinity" || value === "-Infinity")
    return add(into, at.name, value);
  if (typeof value !== "object" || value === null) return undefined;
  if (at.depth === MAX_DEPTH) return `it is nested deeper than ${MAX_DEPTH} levels`;
  if (Array.isArray(value)) {
    return value.length === 1 ? flatten(into, { name: at.name, depth: at.depth + 1 }, value[0]) : undefined;
  }
  for (const [key, member] of Object.entries(value)) {
    const name = at.name === "" ? key : `${at.name}.${key}`;
    const fault = flatten(into, { name, depth: at.depth + 1 }, member);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function add(into: Map<string, MetricValue>, name: string, value: MetricValue): string | Inexact | undefined {
  if (name === "") return "it must hold a map of names and numbers";
  if (into.has(name)) return `two values are called \`${name}\``;
  if (into.size === MAX_METRICS) return `it holds more than ${MAX_METRICS} numbers`;
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) return { name, value };
  into.set(name, typeof value === "number" ? finite(value) : value);
  return undefined;
}

/** JSON has no negative zero that comes back, and no words for what is not finite. */
function finite(value: number): MetricValue {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "Infinity";
  return value === -Infinity ? "-Infinity" : value + 0;
}
