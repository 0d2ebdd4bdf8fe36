import type { Problem } from "../problem/problem.ts";
import type { Pipeline } from "./pipeline.ts";

/** Pipelines of one id, and such as claim the history of another that is still there (`was:`). */
export function sameIds(pipelines: readonly Pipeline[]): readonly Problem[] {
  const first = new Map<string, string>();
  const problems: Problem[] = [];
  for (const pipeline of pipelines) {
    const before = first.get(pipeline.id);
    if (before === undefined) first.set(pipeline.id, pipeline.path);
    else {
      problems.push({
        severity: "error",
        code: "duplicate-pipeline",
        at: { path: pipeline.path, line: pipeline.at[0], column: pipeline.at[1] },
        message: `pipeline \`${pipeline.id}\` stands in \`${before}\` too`,
        next: `give one of them another \`name:\` (and \`was: [${pipeline.id}]\` to keep its history)`,
      });
    }
  }
  return [...problems, ...sharedHistories(pipelines, first)];
}

/** One history has one heir: what was held or released under an id is of one pipeline. */
function sharedHistories(pipelines: readonly Pipeline[], bearers: ReadonlyMap<string, string>): readonly Problem[] {
  const heirs = new Map<string, string>();
  return pipelines.flatMap(({ id, path, was, wasAt }) =>
    was.flatMap((before, index): Problem[] => {
      const taken = heirs.get(before) ?? bearers.get(before);
      if (!heirs.has(before)) heirs.set(before, path);
      const [line, column] = wasAt[index] ?? [1, 1];
      if (before === id || taken === undefined || taken === path) return [];
      return [
        {
          severity: "error",
          code: "shared-history",
          at: { path, line, column },
          message: `the history of \`${before}\` is that of \`${taken}\``,
          next: "take it away from one of them: one pipeline alone continues it",
        },
      ];
    }),
  );
}
