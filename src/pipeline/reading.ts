import type { Problem } from "../problem/problem.ts";
import type { Span } from "./pipeline.ts";
import type { YamlSource } from "./yaml-source.ts";

/** Where in a file a parser is, and what it has found wrong so far. */
export interface Reading {
  readonly yaml: YamlSource;
  readonly problems: Problem[];
}

/** Reports a mistake at a span of the file. */
export function report(
  reading: Reading,
  span: Span,
  problem: Pick<Problem, "code" | "message" | "next"> & { readonly severity?: "warning" },
): void {
  reading.problems.push({
    severity: problem.severity ?? "error",
    code: problem.code,
    at: { path: reading.yaml.path, line: span[0], column: span[1], end: { line: span[2], column: span[3] } },
    message: problem.message,
    next: problem.next,
  });
}
