import type { Problem } from "../problem/problem.ts";
import { declaredOutputs, type DeclaredOutput } from "./outputs.ts";
import type { Pipeline } from "./pipeline.ts";

/**
 * Outputs that another pipeline writes as well: in a work tree each run of the one replaces what the other has written.
 * Told at the later of them, once for each pair of pipelines.
 */
export function sharedOutputs(pipelines: readonly Pipeline[]): readonly Problem[] {
  if (pipelines.length < 2) return [];
  const writers = new Map<string, Pipeline>();
  const told = new Set<string>();
  return pipelines.flatMap((pipeline) =>
    [...declaredOutputs(pipeline)].flatMap((output): Problem[] => {
      const other = writers.get(output.path) ?? pipeline;
      writers.set(output.path, other);
      const pair = `${other.id} ${pipeline.id}`;
      if (other === pipeline || told.has(pair)) return [];
      told.add(pair);
      return [problemAt(pipeline, output, other)];
    }),
  );
}

function problemAt({ path }: Pipeline, { path: output, at }: DeclaredOutput, other: Pipeline): Problem {
  return {
    severity: "warning",
    code: "shared-output",
    at: { path, line: at[0], column: at[1], end: { line: at[2], column: at[3] } },
    message: `\`${output}\` is written by the pipeline \`${other.name}\` too: in a work tree each run replaces the other's`,
    next: "give each of them an output of its own",
  };
}
