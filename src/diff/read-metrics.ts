import type { MetricValue } from "../key/key-document.ts";
import { ok, refused, type Result } from "../result/result.ts";
import { readData } from "./read-data.ts";

const MAX_METRICS = 10_000;
const MAX_DEPTH = 64;

/**
 * Numbers of a metrics file by dotted name; YAML or JSON by its ending. Booleans, texts and longer lists are no
 * metrics; the words NaN and Infinity are kept, and the digits of whole numbers beyond 2^53. The refusal is a sentence's end that names the fault.
 */
export async function readMetrics(
  path: string,
  bytes: Uint8Array,
): Promise<Result<Readonly<Record<string, MetricValue>>, string>> {
  const data = await readData(path, bytes, { exact: true });
  if (data.kind === "refused") return data;
  if (typeof data.value !== "object" || data.value === null) return refused("it must hold a map of names and numbers");
  const metrics = new Map<string, MetricValue>();
  const fault = flatten(metrics, { name: "", depth: 0 }, data.value);
  if (fault === undefined) return ok(Object.fromEntries(metrics));
  return refused(fault);
}

interface Place {
  readonly name: string;
  readonly depth: number;
}

/** Adds what stands at a place; answers why it cannot. */
function flatten(into: Map<string, MetricValue>, at: Place, value: unknown): string | undefined {
  if (typeof value === "bigint") return add(into, at.name, wholeNumber(value));
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

function add(into: Map<string, MetricValue>, name: string, value: MetricValue): string | undefined {
  if (name === "") return "it must hold a map of names and numbers";
  if (into.has(name)) return `two values are called \`${name}\``;
  if (into.size === MAX_METRICS) return `it holds more than ${MAX_METRICS} numbers`;
  into.set(name, typeof value === "number" ? finite(value) : value);
  return undefined;
}

/** A double where it is exact, else the digits; beyond all doubles it is as infinite as a float would be. */
function wholeNumber(value: bigint): MetricValue {
  const double = Number(value);
  if (Number.isSafeInteger(double)) return double + 0;
  return Number.isFinite(double) ? `${value}` : finite(double);
}

/** JSON has no negative zero that comes back, and no words for what is not finite. */
function finite(value: number): MetricValue {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "Infinity";
  if (value === -Infinity) return "-Infinity";
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? `${BigInt(value)}` : value + 0;
}
