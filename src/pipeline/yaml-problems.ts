import type { LineCounter } from "yaml";

import type { Problem } from "../problem/problem.ts";
import { shorten } from "../problem/shorten.ts";
import type { Source } from "./parsed.ts";

/** Larger files are refused before they are parsed. */
const MAX_BYTES = 4_000_000;
/** Lists and maps one inside the other. */
export const MAX_DEPTH = 64;

/** A file's text, or why it is none that can be read. */
export function decode(source: Source): string | Problem {
  const refuse = (code: string, message: string, next: string, place = { line: 1, column: 1 }): Problem => ({
    severity: "error",
    code,
    at: { path: source.path, ...place },
    message,
    next,
  });
  const { bytes } = source;
  if (bytes.byteLength > MAX_BYTES) {
    return refuse(
      "too-large",
      `the file has ${bytes.byteLength} bytes, more than ${MAX_BYTES}`,
      "split it into several pipelines",
    );
  }
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return refuse("encoding", "the file is UTF-16", "save it as UTF-8");
  }
  if (bytes.includes(0)) return refuse("encoding", "the file holds NUL bytes", "save it as UTF-8 text");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return refuse("encoding", "the file is not valid UTF-8", "save it as UTF-8", firstInvalid(bytes));
  }
}

/** Where the first bytes stand that are not UTF-8. */
function firstInvalid(bytes: Uint8Array): { readonly line: number; readonly column: number } {
  let good = 0;
  for (let bad = bytes.byteLength + 1; bad - good > 1;) {
    const middle = (good + bad) >> 1;
    if (beginning(bytes, middle) === undefined) bad = middle;
    else good = middle;
  }
  const lines = (beginning(bytes, good) ?? "").split("\n");
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

/** The text of the first bytes, without a character that is cut; undefined where they are none. */
function beginning(bytes: Uint8Array, length: number): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length), { stream: true });
  } catch {
    return undefined;
  }
}

/** What the YAML library found wrong, in our words. */
export function syntaxProblem(
  path: string,
  lines: LineCounter,
  error: { readonly code: string; readonly message: string; readonly pos: readonly [number, number] },
): Problem {
  const { line, col } = lines.linePos(error.pos[0]);
  const at = { path, line: Math.max(1, line), column: Math.max(1, col) };
  if (error.code === "TAB_AS_INDENT" || /\btab/i.test(error.message)) {
    return {
      severity: "error",
      code: "tab",
      at,
      message: "a tab indents this line and YAML allows only spaces",
      next: "replace the tab by spaces",
    };
  }
  if (error.code === "MULTIPLE_DOCS") {
    return {
      severity: "error",
      code: "yaml",
      at,
      message: "a second YAML document begins here",
      next: "keep one document per file",
    };
  }
  const message = error.message.replace(/\s+at line \d+.*$/s, "").replace(/\.$/, "");
  return {
    severity: "error",
    code: "yaml",
    at,
    message: `this is not valid YAML: ${message}`,
    next:
      error.code === "BLOCK_AS_IMPLICIT_KEY"
        ? "put quotes around a text that holds `: `, or write it below `|`"
        : "correct the YAML here",
  };
}

export function nestingProblem(at: Problem["at"]): Problem {
  return {
    severity: "error",
    code: "too-deep",
    at,
    message: `the file nests deeper than ${MAX_DEPTH} levels`,
    next: "write it flatter",
  };
}

/** An unknown tag: most often a `!pattern` that its author forgot to quote. */
export function tagProblem(
  path: string,
  file: { readonly text: string; readonly lines: LineCounter },
  warning: { readonly message: string; readonly pos: readonly [number, number] },
): Problem {
  const from = file.lines.linePos(warning.pos[0]);
  const to = file.lines.linePos(warning.pos[1]);
  const at = {
    path,
    line: Math.max(1, from.line),
    column: Math.max(1, from.col),
    end: { line: Math.max(1, to.line), column: Math.max(1, to.col) },
  };
  const written = shorten(file.text.slice(warning.pos[0], warning.pos[1]));
  return {
    severity: "error",
    code: "tag",
    at,
    message: `\`${written}\` is a YAML tag that has no meaning here`,
    next: `quote it if it is a pattern: "${written}"`,
  };
}
