import { ownWords } from "./cause.ts";
import type { Paint } from "./paint.ts";
import { safeLine } from "./safe-text.ts";
import { alignColumns } from "./table.ts";
import type { Voice } from "./voice.ts";
import { counted, jsonDocument } from "./words.ts";

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  readonly state: "fine" | "warning" | "broken";
  /** What was found, in a few words. */
  readonly found: string;
  /** What to do, backticks around what to type; null where nothing is to be done. */
  readonly next: string | null;
}

const quoting: Voice = {
  text: (text) => safeLine(text, 300),
  code: (text) => `\`${safeLine(text)}\``,
  strong: (text) => text,
};

/** All checks, one a line, each with what to do about it below. */
export function doctorText(checks: readonly Check[], paint: Paint): string {
  const signs = { fine: paint.good("✓"), warning: paint.warn("!"), broken: paint.bad("✗") } as const;
  const rows = alignColumns(
    checks.map((check) => [`${signs[check.state]} ${safeLine(check.name, 40)}`, ownWords(check.found, quoting)]),
  );
  const lines = checks.flatMap((check, at) => [
    rows[at] ?? "",
    ...(check.next === null || check.state === "fine" ? [] : [`    next: ${ownWords(check.next, quoting)}`]),
  ]);
  const tally = (state: Check["state"]): number => checks.filter((check) => check.state === state).length;
  const parts = [
    tally("broken") > 0 ? `${tally("broken")} broken` : "",
    tally("warning") > 0 ? counted(tally("warning"), "warning") : "",
  ].filter((part) => part !== "");
  const end =
    parts.length === 0 ? `All ${counted(checks.length, "check")} fine` : `${parts.join(", ")}, ${tally("fine")} fine`;
  return `${[...lines, "", end].join("\n")}\n`;
}

/** The checks for programs, version 1. */
export function doctorJson(checks: readonly Check[]): string {
  return jsonDocument({ checks });
}
