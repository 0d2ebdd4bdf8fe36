import type { JsonObject } from "../identity/canonical-json.ts";
import type { Digest, RunId } from "../identity/identity.ts";
import type { Problem } from "../problem/problem.ts";
import { closest } from "../problem/suggest.ts";
import type { DeclaredOutput, Outputs } from "./outputs.ts";
import type { Input, Pipeline, Span, Step } from "./pipeline.ts";
import type { Tree } from "./tree.ts";

/** What is known of a dataset before anything runs. */
export type DatasetState =
  | {
      readonly kind: "ready";
      readonly path: string;
      readonly digest: Digest;
      readonly size: number;
      readonly tracked: boolean;
      readonly uri: string | null;
      /** Another pipeline's output: the run that wrote it, and what it is in the store. */
      readonly from?: { readonly run: RunId; readonly entry: "file" | "executable" | "directory" };
    }
  /** Files of the repository at this path. */
  | { readonly kind: "git"; readonly path: string }
  | { readonly kind: "absent"; readonly path: string }
  | { readonly kind: "problem"; readonly message: string; readonly next: string };

/** One input of one step after globs, producers and datasets have been found. */
export type InputMatch =
  | { readonly kind: "source"; readonly path: string }
  /** A directory of the repository; `files` are below it. */
  | { readonly kind: "source-directory"; readonly path: string; readonly files: readonly string[] }
  | { readonly kind: "dataset"; readonly name: string; readonly state: Extract<DatasetState, { kind: "ready" }> }
  | { readonly kind: "output"; readonly path: string; readonly step: string; readonly output: string };

export interface ResolvedStep {
  readonly step: Step;
  /** Sorted by path, each path once. */
  readonly inputs: readonly InputMatch[];
  /** Producers of inputs, then `needs`; each once. */
  readonly after: readonly string[];
}

export interface ResolveInput {
  readonly pipeline: Pipeline;
  readonly tree: Tree;
  readonly params: JsonObject;
  readonly datasets: ReadonlyMap<string, DatasetState>;
}

/** A pipeline joined with the files that are there: the graph, and what is wrong with it. */
export interface Resolution {
  readonly pipeline: Pipeline;
  readonly params: JsonObject;
  readonly problems: readonly Problem[];
  /** In topological order, by name where the graph leaves a choice. */
  readonly steps: readonly ResolvedStep[];
  /** Files of the repository whose digests the work order needs, sorted. */
  readonly sources: readonly string[];
}

/** What resolving shares between its parts. */
export interface Resolving extends ResolveInput {
  readonly outputs: Outputs;
  readonly steps: ReadonlyMap<string, Step>;
  readonly problems: Problem[];
  /** What each glob matched, because every step of a pipeline may share those of `code:`. */
  readonly globs: Map<string, GlobMatch>;
}

/** What one glob selects, whichever step asks. */
export interface GlobMatch {
  readonly files: readonly InputMatch[];
  readonly outputs: readonly DeclaredOutput[];
  /** Parts of output directories: which files there will be is known when they are made. */
  readonly parts: readonly { readonly output: DeclaredOutput; readonly path: string; readonly named: boolean }[];
  /** A submodule that it matches too. */
  readonly submodule: string | undefined;
}

export function problemAt(
  resolving: Pick<Resolving, "pipeline" | "problems">,
  span: Span,
  problem: Pick<Problem, "code" | "message" | "next"> & { readonly severity?: "warning" },
): void {
  const [line, column, endLine, endColumn] = span;
  resolving.problems.push({
    severity: problem.severity ?? "error",
    code: problem.code,
    at: { path: resolving.pipeline.path, line, column, end: { line: endLine, column: endColumn } },
    message: problem.message,
    next: problem.next,
  });
}

export function refuseSubmodule(resolving: Resolving, input: Input, path: string): void {
  problemAt(resolving, input.at, {
    code: "submodule",
    message: `\`${path}\` is a git submodule, which is not in this version`,
    next: "copy what you need into the repository, or pin it as a dataset",
  });
}

/** Where names of a kind are declared. */
const PLACES: Readonly<Record<string, string>> = { parameter: "params" };

/** Reports a name that is not there, with what was most likely meant. */
export function unknown(
  resolving: Resolving,
  at: Span,
  { what, name, known }: { readonly what: string; readonly name: string; readonly known: Iterable<string> },
): void {
  const names = [...known];
  const meant = closest(name, names);
  const list =
    names.length === 0
      ? `declare it under \`${PLACES[what] ?? `${what}s`}:\``
      : `known: ${names.slice(0, 20).join(", ")}`;
  problemAt(resolving, at, {
    code: `unknown-${what}`,
    message: `there is no ${what} \`${name}\``,
    next: meant === undefined ? list : `did you mean \`${meant}\`?`,
  });
}
