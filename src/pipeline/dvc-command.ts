import { parameterOf, placeholders, quotedPlaceholder } from "../expression/template.ts";

/** A shell script of ours, made from a DVC command. */
export interface DvcScript {
  readonly script: string;
  /** Parameters that it fills in, each once, in order. */
  readonly names: readonly string[];
  /** Templates that could not stay parameters: they stand between backticks. */
  readonly fixed: readonly string[];
}

export interface DvcNames {
  readonly isParameter: (name: string) => boolean;
  /** The text of a `${name}` that is no parameter, or cannot stay one. */
  readonly literal: (template: string) => string;
}

const TEMPLATE = /\$\{([\w.-]+)\}/y;

/**
 * `${name}` of a parameter becomes a placeholder, which quotes its value itself and so stands outside of quotes:
 * `"${name}"` loses them, `"a ${name} b"` is split into `"a "${{ … }}" b"`, which the shell reads as the same word.
 */
export function dvcScript(text: string, { isParameter, literal }: DvcNames): DvcScript {
  const names = new Set<string>();
  const fixed: string[] = [];
  let script = "";
  let quote = "";
  let opened = -1;
  for (let at = 0; at < text.length; at++) {
    TEMPLATE.lastIndex = at;
    const match = TEMPLATE.exec(text);
    if (match?.[1] !== undefined) {
      const name = match[1];
      at += match[0].length - 1;
      if (!isParameter(name) || parameterOf(`params.${name}`) !== name) script += literal(match[0]);
      else if (quote === "`") {
        fixed.push(name);
        script += literal(match[0]);
      } else {
        names.add(name);
        script = `${before(script, quote, opened)}\${{ params.${name} }}`;
        if (quote !== "" && text[at + 1] === quote) {
          at++;
          quote = "";
        } else {
          opened = quote === "" ? -1 : script.length;
          script += quote;
        }
      }
      continue;
    }
    const character = text[at] ?? "";
    script += character;
    if (character === "\\" && quote !== "'") script += text[++at] ?? "";
    else if (quote !== "" && character === quote) quote = "";
    else if (quote === "" && /['"`]/.test(character)) {
      quote = character;
      opened = script.length - 1;
    }
  }
  return { script, names: [...names], fixed };
}

/** The script up to a placeholder with its quote closed; a quote that nothing follows goes instead. */
function before(script: string, quote: string, opened: number): string {
  return quote !== "" && opened === script.length - 1 ? script.slice(0, -1) : script + quote;
}

/** Why a script cannot be a `run:`; undefined when it can. */
export function refuseScript(script: string): string | undefined {
  if (script.includes("\0")) return "it holds a NUL";
  const found = placeholders(script);
  const foreign = found.find(({ expression }) => parameterOf(expression) === undefined);
  if (foreign !== undefined || script.split("${{").length - 1 !== found.length)
    return "`${{` has a meaning of its own here";
  return quotedPlaceholder(script) === undefined ? undefined : "a placeholder would stand inside of quotes";
}
