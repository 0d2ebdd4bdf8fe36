import { liveFrame, type LiveRun } from "../report/run-live.ts";
import type { RunTextOptions } from "../report/run-text.ts";
import { displayWidth } from "../report/table.ts";
import type { Screen } from "./world.ts";

const ESC = String.fromCharCode(27);
const HIDE_CURSOR = `${ESC}[?25l`;
const SHOW_CURSOR = `${ESC}[?25h`;
/** The view never takes more of a screen than this, so that what was said stays in sight. */
const MOST_ROWS = 12;

/** A run drawn in place at the foot of a terminal; `draw` is called by a timer and writes at most once. */
export interface LiveView {
  /** Lines that stay, above what is drawn; written with the next drawing. */
  say(text: string): void;
  draw(live: LiveRun, now: number): void;
  /** Takes the drawing away and gives the cursor back until the next drawing. */
  clear(): void;
  /** Takes the drawing away for good, writes what is left to be said and gives the cursor back. */
  close(): void;
}

export function liveView(screen: Screen, options: RunTextOptions): LiveView {
  let drawn: readonly string[] = [];
  let waiting = "";
  let hidden = false;
  const erasing = (): string => {
    if (drawn.length === 0) return "";
    const up = rowsOf(drawn, screen.size().columns) - 1;
    drawn = [];
    return `${up > 0 ? `${ESC}[${up}A` : ""}\r${ESC}[J`;
  };
  const clear = (): void => {
    const text = `${erasing()}${waiting}${hidden ? SHOW_CURSOR : ""}`;
    waiting = "";
    hidden = false;
    if (text !== "") screen.write(text);
  };
  const release = screen.before(clear);
  return {
    say(text) {
      waiting += text;
    },
    draw(live, now) {
      const { columns, rows } = screen.size();
      const height = Math.max(1, Math.min(rows - 1, MOST_ROWS));
      const lines = liveFrame(live, { now, width: Math.max(1, columns - 1), height }, options);
      if (waiting === "" && same(lines, drawn)) return;
      const before = erasing();
      screen.write(`${hidden ? "" : HIDE_CURSOR}${before}${waiting}${lines.join("\n")}`);
      hidden = true;
      waiting = "";
      drawn = lines;
    },
    clear,
    close() {
      clear();
      release();
    },
  };
}

/** A terminal that became narrower has wrapped what was drawn. */
function rowsOf(lines: readonly string[], columns: number): number {
  return lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / Math.max(1, columns))), 0);
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, at) => line === b[at]);
}
