import type { Problem } from "../problem/problem.ts";
import type { Pipeline } from "./pipeline.ts";

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

/** What can be read of a pipeline file that has errors. */
export interface Rest {
  readonly pipeline: Pipeline;
  /** False where something was taken out that other parts of the file may name. */
  readonly whole: { readonly steps: boolean; readonly datasets: boolean };
}

export interface ParsedPipeline extends Parsed<Pipeline> {
  /** Null without errors, and where too little is left. */
  readonly rest: Rest | null;
}
