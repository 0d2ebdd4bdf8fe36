import type { RawDefaults, RawStep } from "./schema.ts";

/** `defaults` below a step: maps deep, lists appended after the defaults', scalars replaced (INTERFACES §1). */
export function mergeDefaults(defaults: RawDefaults, step: RawStep): RawStep {
  return { ...(merge(defaults, step) as RawStep), run: step.run };
}

function merge(below: unknown, above: unknown): unknown {
  if (above === undefined) return below;
  if (Array.isArray(below) && Array.isArray(above)) return [...(below as unknown[]), ...(above as unknown[])];
  if (isMap(below) && isMap(above)) {
    const merged: Record<string, unknown> = { ...below };
    for (const [key, value] of Object.entries(above)) merged[key] = merge(below[key], value);
    return merged;
  }
  return above;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
