import type { Json } from "../identity/canonical-json.ts";
import type { MetricValue } from "../key/key-document.ts";
import { ok, refused, type Result } from "../result/result.ts";

/** Numbers of a metrics file by dotted name; YAML or JSON by its ending. Booleans and texts are no metrics. */
export async function readMetrics(
  path: string,
  bytes: Uint8Array,
): Promise<Result<Readonly<Record<string, MetricValue>>, string>> {
  const text = new TextDecoder().decode(bytes);
  let value: unknown;
  try {
    value = /\.ya?ml$/.test(path) ? (await import("yaml")).parse(text) : parseJson(text);
  } catch (error) {
    return refused(
      error instanceof Error ? (error.message.split("\n")[0] ?? "it cannot be parsed") : "it cannot be parsed",
    );
  }
  if (typeof value !== "object" || value === null) return refused("it must hold a map of names and numbers");
  const metrics: Record<string, MetricValue> = {};
  flatten(metrics, "", value);
  return ok(metrics);
}

/** JSON with the words NaN and Infinity, which Python's json module writes. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    const tamed = text.replace(/(?<=[[{,:\s])(-?Infinity|NaN)(?=\s*[,}\]\n])/g, '"$1"');
    if (tamed === text) throw error;
    return JSON.parse(tamed) as Json;
  }
}

function flatten(into: Record<string, MetricValue>, name: string, value: unknown): void {
  if (typeof value === "number") into[name] = Number.isFinite(value) ? value : wordOf(value);
  else if (value === "NaN" || value === "Infinity" || value === "-Infinity") into[name] = value;
  else if (Array.isArray(value) && value.length === 1) flatten(into, name, value[0]);
  else if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    for (const [key, member] of Object.entries(value)) flatten(into, name === "" ? key : `${name}.${key}`, member);
  }
}

function wordOf(value: number): MetricValue {
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "Infinity" : "-Infinity";
}
