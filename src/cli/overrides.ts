import type { JsonObject } from "../identity/canonical-json.ts";
import type { PlannedPipeline } from "../controller/project.ts";
import { parameterNames, selectParameter } from "../pipeline/parameters.ts";
import { closest } from "../problem/suggest.ts";
import { EXIT, Refusal } from "./exit.ts";

/** `k=v` with the value read as YAML reads it: `0.05` is a number, `true` is true, `null` is none; nothing is the empty text. */
export async function parseOverrides(params: readonly string[]): Promise<JsonObject> {
  if (params.length === 0) return {};
  const { parse } = await import("yaml");
  return Object.fromEntries(
    params.map((text) => {
      const equals = text.indexOf("=");
      if (equals < 1) throw new Refusal(EXIT.usage, `--param ${text}: write name=value`);
      const value = text.slice(equals + 1);
      return [text.slice(0, equals), value === "" ? "" : (parse(value) as JsonObject[string])];
    }),
  );
}

/** A parameter that no pipeline has is a slip of the fingers: the run would go on without it and say nothing. */
export function checkOverrides(planned: readonly PlannedPipeline[], overrides: JsonObject): void {
  for (const name of Object.keys(overrides)) {
    if (planned.some(({ file }) => selectParameter(file.params, name) !== undefined)) continue;
    const known = [...new Set(planned.flatMap(({ file }) => parameterNames(file.params)))];
    const meant = closest(name, known);
    const next = meant === undefined ? `known: ${known.slice(0, 20).join(", ") || "none"}` : `did you mean ${meant}?`;
    throw new Refusal(EXIT.usage, `--param ${name}: there is no such parameter\n  next: ${next}`);
  }
}
