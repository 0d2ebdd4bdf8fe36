import { Environment } from "@marcbachmann/cel-js";

import { registerArithmetic, LIMITS, LONGEST_CONDITION } from "../expression/condition.ts";
import type { JsonObject } from "../identity/canonical-json.ts";
import { conditionCost, MOST_WORK } from "./condition-cost.ts";

/** What a condition says of a thing. Unknown is never true: something that it reads is missing, or it cannot be told. */
export type Judged =
  | { readonly kind: "true" }
  | { readonly kind: "false" }
  | { readonly kind: "unknown"; readonly why: string };

const environments = new Map<string, Environment>();

function environmentFor(names: readonly string[]): Environment {
  const key = names.join(",");
  const known = environments.get(key);
  if (known !== undefined) return known;
  const made = new Environment({ unlistedVariablesAreDyn: false, limits: LIMITS });
  registerArithmetic(made);
  for (const name of names) made.registerVariable(name, "dyn");
  environments.set(key, made);
  return made;
}

/**
 * Evaluates a CEL condition over plain JSON; each member of `data` is a variable. It never throws, and its work is
 * bounded beforehand: `most` elementary steps.
 */
export function evaluateCondition(source: string, data: JsonObject, most: number = MOST_WORK): Judged {
  if (source.length > LONGEST_CONDITION)
    return { kind: "unknown", why: `it is longer than ${LONGEST_CONDITION} characters` };
  try {
    const parsed = environmentFor(Object.keys(data).sort()).parse(source);
    conditionCost(parsed.ast, data, most);
    const value: unknown = parsed(data);
    if (value === true) return { kind: "true" };
    if (value === false) return { kind: "false" };
    return { kind: "unknown", why: "it gives neither true nor false" };
  } catch (error) {
    return { kind: "unknown", why: reasonOf(error) };
  }
}

/** In words of the condition's author: what is missing, before how CEL calls it. */
function reasonOf(error: unknown): string {
  const message = (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
  const missing = /^No such key: (\S+)/.exec(message)?.[1];
  if (missing !== undefined) return `\`${missing}\` is not known`;
  if (message.includes("dyn<null>") || message.includes("null_type")) return "it reads a value that is not known";
  return message.slice(0, 200);
}
