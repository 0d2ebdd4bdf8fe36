import { isMap as isYamlMap, parseDocument } from "yaml";

import type { JsonObject } from "../identity/canonical-json.ts";
import { isError } from "../problem/problem.ts";
import { parameterWarnings } from "./parameter-warnings.ts";
import { nestParameters, selectParameters } from "./parameters.ts";
import type { Parsed, Source } from "./parsed.ts";
import { readYaml } from "./read-yaml.ts";

/** Reads a parameters file (YAML, of which JSON is a part). */
export function readParameters(source: Source): Parsed<JsonObject> {
  const { yaml, problems } = readYaml(source);
  if (yaml === null || problems.some(isError)) return { value: null, problems };
  if (yaml.value === null) return { value: {}, problems };
  if (typeof yaml.value !== "object" || Array.isArray(yaml.value)) {
    const at = { path: source.path, line: 1, column: 1 };
    return {
      value: null,
      problems: [
        ...problems,
        {
          severity: "error",
          code: "bad-value",
          at,
          message: "a parameters file must hold a map",
          next: "write `name: value` lines",
        },
      ],
    };
  }
  const warnings = source.path.endsWith(".json") ? [] : parameterWarnings(yaml, yaml.root ?? undefined);
  return { value: yaml.value as JsonObject, problems: [...problems, ...warnings] };
}

/** A parameters file in its own format, reduced to the declared names; values that `--param` replaced stand in it. */
export function reduceParameterFile(source: Source, names: readonly string[], params: JsonObject): Uint8Array {
  const own = readParameters(source).value ?? {};
  const mine = names.filter((name) => Object.keys(selectParameters(own, [name])).length > 0);
  const tree = nestParameters(selectParameters(params, mine));
  if (source.path.endsWith(".json")) return new TextEncoder().encode(`${JSON.stringify(tree, null, 2)}\n`);
  // The values keep the text they were written with, so that a step's own reader sees what its author wrote.
  const document = parseDocument(new TextDecoder().decode(source.bytes));
  if (isYamlMap(document.contents)) prune(document, tree, []);
  return new TextEncoder().encode(Object.keys(tree).length === 0 ? "{}\n" : document.toString());
}

function prune(document: ReturnType<typeof parseDocument>, tree: JsonObject, path: readonly string[]): void {
  const at = document.getIn(path, true);
  if (!isYamlMap(at)) return;
  for (const pair of at.items.slice()) {
    const key = String((pair.key as { readonly value?: unknown }).value ?? pair.key);
    const wanted = tree[key];
    const here = [...path, key];
    if (wanted === undefined) document.deleteIn(here);
    else if (
      typeof wanted === "object" &&
      wanted !== null &&
      !Array.isArray(wanted) &&
      isYamlMap(document.getIn(here, true))
    ) {
      prune(document, wanted as JsonObject, here);
    } else if (JSON.stringify(jsonOf(document, here)) !== JSON.stringify(wanted)) document.setIn(here, wanted);
  }
}

function jsonOf(document: ReturnType<typeof parseDocument>, path: readonly string[]): unknown {
  const node: unknown = document.getIn(path, true);
  return typeof node === "object" && node !== null && "toJSON" in node && typeof node.toJSON === "function"
    ? (node.toJSON() as unknown)
    : node;
}
