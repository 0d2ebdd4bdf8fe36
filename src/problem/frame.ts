import { codeFrameColumns } from "@babel/code-frame";

import type { Problem } from "./problem.ts";

export interface FrameOptions {
  readonly color: boolean;
}

const MAX_A_FILE = 100;
/** Lines beyond this are shown without a frame: nobody reads a frame of a minified file. */
const MAX_LINE = 2_000;

/** `path:line:column: error: message`, the code frame, and the next action. */
export function renderProblem(problem: Problem, text: string | undefined, options: FrameOptions): string {
  const { at, severity, message, next } = problem;
  const head = `${at.path}:${at.line}:${at.column}: ${severity}: ${message}`;
  return `${[visible(head), ...codeFrame(problem, text, options), `  next: ${visible(next)}`].join("\n")}\n`;
}

/** All problems by path and place, at most a hundred a file. */
export function renderProblems(
  problems: readonly Problem[],
  texts: ReadonlyMap<string, string>,
  options: FrameOptions,
): string {
  const files = new Map<string, Problem[]>();
  for (const problem of problems) {
    const list = files.get(problem.at.path);
    if (list === undefined) files.set(problem.at.path, [problem]);
    else list.push(problem);
  }
  const parts: string[] = [];
  for (const path of [...files.keys()].sort()) {
    const list = (files.get(path) ?? []).toSorted((a, b) => a.at.line - b.at.line || a.at.column - b.at.column);
    for (const problem of list.slice(0, MAX_A_FILE)) parts.push(renderProblem(problem, texts.get(path), options));
    if (list.length > MAX_A_FILE)
      parts.push(
        `${path}: ${list.length - MAX_A_FILE} more ${list.length === MAX_A_FILE + 1 ? "problem" : "problems"}\n`,
      );
  }
  return parts.join("\n");
}

/** What a terminal would obey: control characters, other ends of lines, changes of direction. */
// oxlint-disable-next-line no-control-regex -- these are the characters to be replaced
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

function visible(text: string): string {
  return text.replace(CONTROLS, (character) => (character === "\r" ? "" : "\ufffd"));
}

/** The lines around a problem, the place marked; none where the text is not at hand. */
export function codeFrame({ at }: Problem, text: string | undefined, options: FrameOptions): readonly string[] {
  if (text === undefined) return [];
  const lines = text.split("\n");
  const line = lines[at.line - 1];
  if (line === undefined || line.length > MAX_LINE) return [];
  const end =
    at.end !== undefined && at.end.line === at.line && at.end.column > at.column
      ? { line: at.line, column: at.end.column - 1 }
      : undefined;
  // Places count columns from 1, the library from 0.
  const start = { line: at.line, column: Math.min(at.column, line.length + 1) - 1 };
  const drawn = codeFrameColumns(visible(text), end === undefined ? { start } : { start, end }, {
    highlightCode: false,
    forceColor: options.color,
    linesAbove: 2,
    linesBelow: 1,
  });
  return drawn.split("\n").map((one) => `  ${one}`);
}
