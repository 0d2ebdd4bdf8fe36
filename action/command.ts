import { randomUUID } from "node:crypto";

import { isError, type Problem } from "../src/problem/problem.ts";
import { safeLine } from "../src/report/safe-text.ts";

/** A problem as a line by which the runner puts it beside the code; no text of it can begin another command. */
export function annotation(problem: Problem): string {
  const { at } = problem;
  const properties = {
    file: at.path,
    line: at.line,
    col: at.column,
    ...(at.end === undefined ? {} : { endLine: at.end.line }),
    // The runner's columns include the last one.
    ...(at.end?.line === at.line ? { endColumn: Math.max(at.column, at.end.column - 1) } : {}),
    title: problem.code,
  };
  return command(
    isError(problem) ? "error" : "warning",
    `${safeLine(problem.message, 500)}. Next: ${safeLine(problem.next, 500)}`,
    properties,
  );
}

/** `::name key=value::message`, with everything escaped that the runner would take for its own. */
export function command(
  name: "error" | "warning" | "notice",
  message: string,
  properties: Readonly<Record<string, string | number>> = {},
): string {
  const list = Object.entries(properties).map(([key, value]) => `${key}=${escapeProperty(String(value))}`);
  return `::${name}${list.length > 0 ? ` ${list.join(",")}` : ""}::${escapeData(message)}`;
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

/** An output for GITHUB_OUTPUT, between delimiters that nobody can guess. */
export function output(name: string, value: string): string {
  const delimiter = `sluice-${randomUUID()}`;
  return `${name}<<${delimiter}\n${value}\n${delimiter}\n`;
}
