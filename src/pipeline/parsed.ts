import type { Problem } from "../problem/problem.ts";

/** A file's bytes and the path that messages name. */
export interface Source {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What parsing gave: a value, or the errors that prevent one; warnings may stand beside a value. */
export interface Parsed<Value> {
  readonly value: Value | null;
  readonly problems: readonly Problem[];
}
