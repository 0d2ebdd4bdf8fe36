import type { JsonObject } from "../identity/canonical-json.ts";
import { isError, type Problem } from "../problem/problem.ts";
import type { Rest } from "./parsed.ts";
import type { DatasetState } from "./resolution.ts";
import { resolvePipeline } from "./resolve.ts";
import type { Tree } from "./tree.ts";

/** Nobody reads more of one file. */
const MOST = 100;

interface Around {
  readonly tree: Tree;
  /** Undefined where they could not be read. */
  readonly params?: JsonObject;
  readonly known: readonly Problem[];
  /** True for a pipeline that releases start. */
  readonly deploys: boolean;
}

/** What is wrong with the readable rest of a file that has errors, so that all of its mistakes are told at once. */
export function furtherProblems(rest: Rest, { tree, params, known, deploys }: Around): readonly Problem[] {
  const { pipeline, whole } = rest;
  const absent = (path: string): DatasetState => ({ kind: "absent", path });
  const datasets = new Map(pipeline.datasets.map((dataset) => [dataset.name, absent(dataset.name)]));
  const { problems } = resolvePipeline({ pipeline, tree, params: params ?? {}, datasets });
  const errors = known.filter((problem) => isError(problem) && problem.at.path === pipeline.path);
  // What was taken out of the file may be just what the rest asks for.
  const unsure = new Set([
    ...(whole.steps ? [] : ["missing-input", "unknown-step", "no-metrics-file"]),
    ...(whole.datasets ? [] : ["unknown-dataset"]),
    ...(params === undefined ? ["unknown-parameter"] : []),
    // What a release holds is known when one is deployed.
    ...(deploys ? ["release-input"] : []),
  ]);
  return problems
    .filter((problem) => !unsure.has(problem.code) && !errors.some((error) => covers(error, problem)))
    .slice(0, Math.max(0, MOST - errors.length));
}

function covers({ at: outer }: Problem, { at: inner }: Problem): boolean {
  const end = outer.end ?? outer;
  const begins = inner.line > outer.line || (inner.line === outer.line && inner.column >= outer.column);
  return begins && (inner.line < end.line || (inner.line === end.line && inner.column <= end.column));
}
