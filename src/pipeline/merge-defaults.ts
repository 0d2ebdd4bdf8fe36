import type { RawDefaults, RawStep } from "./schema.ts";

/** `defaults` below a step: maps deep, lists appended after the defaults', scalars replaced (INTERFACES §1). */
export function mergeDefaults(defaults: RawDefaults, step: RawStep): RawStep {
  const merged = { ...(merge(defaults, step) as RawStep), run: step.run };
  const [below, above] = [defaults.environment, step.environment];
  // A venv and an image cannot merge: another kind of environment replaces the defaults'.
  if (below === undefined || above === undefined || kindOf(below) === kindOf(above)) return merged;
  return { ...merged, environment: above };
}

function kindOf(environment: object): string | undefined {
  return Object.keys(environment).find((key) => key !== "lock");
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
