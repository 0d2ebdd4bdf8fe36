import type { Json, JsonObject } from "../identity/canonical-json.ts";

/** One `${{ … }}` in a text: what stands between the braces and where it begins. */
export interface Placeholder {
  readonly expression: string;
  readonly offset: number;
  readonly length: number;
}

const PLACEHOLDER = /\$\{\{([^}]*)\}\}/g;
const PARAMETER = /^params\.([A-Za-z_][\w-]*(?:\.[\w-]+)*)$/;

/** Every `${{ … }}` of a text, in order. */
export function placeholders(text: string): readonly Placeholder[] {
  if (!text.includes("${{")) return [];
  return Array.from(text.matchAll(PLACEHOLDER), (match) => ({
    expression: (match[1] ?? "").trim(),
    offset: match.index,
    length: match[0].length,
  }));
}

/**
 * The first placeholder that stands inside quotes or backticks of a shell script; undefined when none does.
 * Values are quoted when they are filled in, and inside other quotes that quoting would come undone.
 */
export function quotedPlaceholder(script: string): Placeholder | undefined {
  const found = placeholders(script);
  let quote = "";
  let at = 0;
  for (const placeholder of found) {
    for (; at < placeholder.offset; at++) {
      const character = script[at] ?? "";
      if (quote === "'") quote = character === "'" ? "" : quote;
      else if (character === "\\") at++;
      else if (quote === "") quote = character === "'" || character === '"' || character === "`" ? character : "";
      else if (character === quote) quote = "";
    }
    if (quote !== "") return placeholder;
    at = placeholder.offset + placeholder.length;
  }
  return undefined;
}

/** The dotted parameter that an expression names; undefined when it is anything else. */
export function parameterOf(expression: string): string | undefined {
  return PARAMETER.exec(expression)?.[1];
}

/** A shell script with its parameters filled in, each quoted so that the shell reads it as one word. */
export function fillShell(script: string, values: JsonObject): string {
  return fill(script, values, quote);
}

/** One argument with its parameters filled in, raw: no shell will read it. */
export function fillArgument(argument: string, values: JsonObject): string {
  return fill(argument, values, (value) => value);
}

function fill(text: string, values: JsonObject, write: (value: string) => string): string {
  return text.replace(PLACEHOLDER, (whole, inner: string) => {
    const name = parameterOf(inner.trim());
    const value = name === undefined ? undefined : lookUp(values, name);
    return value === undefined ? whole : write(plain(value));
  });
}

/** `values` holds declared names, which may be dotted; a name below a declared one is looked up inside it. */
export function lookUp(values: JsonObject, name: string): Json | undefined {
  if (Object.hasOwn(values, name)) return values[name];
  for (let dot = name.lastIndexOf("."); dot > 0; dot = name.lastIndexOf(".", dot - 1)) {
    const above = name.slice(0, dot);
    const parent = Object.hasOwn(values, above) ? values[above] : undefined;
    if (typeof parent === "object" && parent !== null && !Array.isArray(parent)) {
      return lookUp(parent as JsonObject, name.slice(dot + 1));
    }
  }
  return undefined;
}

function plain(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function quote(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
