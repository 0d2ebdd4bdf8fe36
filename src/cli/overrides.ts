import type { JsonObject } from "../identity/canonical-json.ts";
import { EXIT, Refusal } from "./exit.ts";

/** `k=v` with the value read as YAML reads it: `0.05` is a number, `true` is true. */
export async function parseOverrides(params: readonly string[]): Promise<JsonObject> {
  if (params.length === 0) return {};
  const { parse } = await import("yaml");
  return Object.fromEntries(
    params.map((text) => {
      const equals = text.indexOf("=");
      if (equals < 1) throw new Refusal(EXIT.usage, `--param ${text}: write name=value`);
      return [text.slice(0, equals), parse(text.slice(equals + 1)) as JsonObject[string]];
    }),
  );
}
