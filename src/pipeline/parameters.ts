import type { Json, JsonObject } from "../identity/canonical-json.ts";
import { lookUp } from "../expression/template.ts";

/** The value of a dotted parameter name; undefined when there is none. */
export function selectParameter(params: JsonObject, name: string): Json | undefined {
  return lookUp(params, name);
}

/** Dotted names of everything that there is, subtrees too. */
export function parameterNames(params: JsonObject, prefix = ""): readonly string[] {
  return Object.entries(params).flatMap(([name, value]) => [
    `${prefix}${name}`,
    ...(isMap(value) ? parameterNames(value, `${prefix}${name}.`) : []),
  ]);
}

/** The declared parameters of a step by name: exactly what reaches its key, its environment and its file. */
export function selectParameters(params: JsonObject, names: readonly string[]): JsonObject {
  // Entries, because assigning to a name like `__proto__` would lose it.
  return Object.fromEntries(
    names.flatMap((name): [string, Json][] => {
      const value = selectParameter(params, name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** `{a: {b: 1}}` from `{"a.b": 1}`: declared names put back into the tree they came from. */
export function nestParameters(selected: JsonObject): JsonObject {
  const tree: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(selected)) {
    const parts = name.split(".");
    let at = tree;
    for (const part of parts.slice(0, -1)) {
      // A copy: the subtree may be the caller's own object.
      const below = Object.hasOwn(at, part) && isMap(at[part]) ? { ...at[part] } : {};
      at[part] = below;
      at = below;
    }
    const last = parts.at(-1) ?? name;
    const there = Object.hasOwn(at, last) ? at[last] : undefined;
    at[last] = isMap(there) && isMap(value) ? { ...there, ...value } : value;
  }
  return tree as JsonObject;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `SLUICE_PARAMS` (JSON of the declared tree) and `SLUICE_PARAM_<NAME>` for scalars. */
export function parameterEnvironment(selected: JsonObject): Readonly<Record<string, string>> {
  if (Object.keys(selected).length === 0) return {};
  const tree = nestParameters(selected);
  const env: Record<string, string> = { SLUICE_PARAMS: JSON.stringify(tree) };
  addScalars(env, "SLUICE_PARAM", tree);
  return env;
}

function addScalars(env: Record<string, string>, prefix: string, value: Json): void {
  if (typeof value === "object" && value !== null) {
    if (Array.isArray(value)) return;
    for (const [name, member] of Object.entries(value)) {
      addScalars(env, `${prefix}_${name.toUpperCase().replace(/[^A-Z0-9]/g, "_")}`, member);
    }
  } else if (value !== null) env[prefix] = typeof value === "string" ? value : JSON.stringify(value);
}
