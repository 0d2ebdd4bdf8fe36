import { dirname } from "node:path";

import { safeLine } from "../report/safe-text.ts";
import { counted } from "../report/words.ts";
import type { Stuck } from "./world.ts";

const SHOWN = 10;
const LONGEST_PATH = 4_096;

/** What housekeeping could not take away, and why. */
export function stuckText(stuck: readonly Stuck[]): string {
  const shown = stuck
    .slice(0, SHOWN)
    .map(({ path, error }) => `  ${safeLine(path, LONGEST_PATH)}: ${safeLine(reasonOf(error))}\n`);
  const more = stuck.length > SHOWN ? `  and ${stuck.length - SHOWN} more\n` : "";
  const place = safeLine(dirname(stuck[0]?.path ?? ""), LONGEST_PATH);
  return `sluice: ${counted(stuck.length, "thing")} could not be removed\n${shown.join("")}${more}  next: \`ls -ld ${place}\` shows whose it is; then sluice gc again\n`;
}

/** What the system says without the path, which stands before it. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /^E[A-Z]+: ([^,]+),/.exec(message)?.[1] ?? message;
}
