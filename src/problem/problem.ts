/** Where something stands in a file: line and column count from 1, columns in UTF-16 code units. */
export interface Place {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  /** End of the node, exclusive, when it is known: the code frame underlines up to it. */
  readonly end?: { readonly line: number; readonly column: number };
}

/** A mistake that a person can fix: what is wrong, where, and what to do next. */
export interface Problem {
  /** Only errors change an exit code. */
  readonly severity: "error" | "warning";
  /** Stable, kebab-case, for programs: `unknown-key`, `missing-input`, `cycle` … */
  readonly code: string;
  readonly at: Place;
  /** What is wrong, as one sentence without a trailing dot. */
  readonly message: string;
  /** The next action, as one sentence: a "did you mean", a line to write, a command to type. */
  readonly next: string;
}

export function isError(problem: Problem): boolean {
  return problem.severity === "error";
}
