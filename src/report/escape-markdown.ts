import { safeLine, safeLines } from "./safe-text.ts";

/** Splits what GitHub would link: the reader sees the same characters, the forge sees two words. */
const APART = "&#8203;";

/**
 * Text from outside as inline Markdown that shows exactly its characters: no markup, link, mention,
 * HTML or table column comes out of it, wherever in a line or a cell it stands.
 */
export function markdownText(text: string, max = 200): string {
  const line = safeLine(text, max);
  let result = "";
  for (let at = 0; at < line.length; at++) result += escapedAt(line, at);
  return result.replace(/^(\d{1,9})([.)])(?=\s|$)/, "$1\\$2");
}

function escapedAt(line: string, at: number): string {
  const character = line.charAt(at);
  const next = line.charAt(at + 1);
  if (character === "-" && at >= 2 && /^gh-\d/i.test(line.slice(at - 2, at + 2))) return `-${APART}`;
  switch (character) {
    case "&":
      return "&amp;";
    case "<":
      return "&lt;";
    case ">":
      return "&gt;";
    case "|":
      return "&#124;";
    case "$":
      return "&#36;";
    case "\\":
    case "`":
    case "*":
    case "~":
    case "[":
    case "]":
      return `\\${character}`;
    case "_":
      return insideWord(line, at) ? "_" : "\\_";
    case "@":
      return `@${APART}`;
    case "#":
      return at === 0 ? `\\#${APART}` : `#${APART}`;
    case "+":
    case "-":
    case "=":
      return at === 0 ? `\\${character}` : character;
    case ":":
      return next === "/" ? `:${APART}` : character;
    case ".":
      return /www$/i.test(line.slice(Math.max(0, at - 3), at)) ? `${APART}.` : character;
    default:
      return character;
  }
}

/** `log_loss` is no emphasis; `_x_` is. */
function insideWord(line: string, at: number): boolean {
  let from = at;
  let to = at;
  while (line.charAt(from - 1) === "_") from--;
  while (line.charAt(to + 1) === "_") to++;
  return /[A-Za-z0-9]/.test(line.charAt(from - 1)) && /[A-Za-z0-9]/.test(line.charAt(to + 1));
}

/**
 * Text from outside as a code span, also inside a table cell. A pipe would end the cell and cannot be
 * escaped alike in every renderer, so such text becomes a `<code>` element of character references.
 */
export function codeSpan(text: string, max = 200): string {
  const line = safeLine(text, max);
  if (line === "") return "<code></code>";
  if (/[|\\]/.test(line)) return `<code>${references(line)}</code>`;
  const fence = "`".repeat(longestRun(line) + 1);
  const pad = line.startsWith("`") || line.endsWith("`") ? " " : "";
  return `${fence}${pad}${line}${pad}${fence}`;
}

function references(line: string): string {
  return line.replace(/[!-/:-@[-`{-~]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Lines from outside as a fenced block that nothing inside can close. */
export function codeBlock(lines: readonly string[], language = ""): string {
  const safe = safeLines(lines);
  const fence = "`".repeat(Math.max(3, longestRun(safe.join("\n")) + 1));
  return [`${fence}${language}`, ...safe, fence].join("\n");
}

function longestRun(text: string): number {
  return (text.match(/`+/g) ?? []).reduce((longest, run) => Math.max(longest, run.length), 0);
}

/** A table of cells that are Markdown already; `right` marks columns of figures. */
export function markdownTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): string {
  const line = (cells: readonly string[]): string =>
    `| ${header.map((_, at) => cells[at] ?? "").join(" | ")} |`.replaceAll("|  |", "| |");
  const rule = `|${header.map((_, at) => (right.has(at) ? "---:" : "---")).join("|")}|`;
  return [line(header), rule, ...rows.map(line)].join("\n");
}
