import type { Problem } from "../problem/problem.ts";
import { closest } from "../problem/suggest.ts";
import type { Pipeline, Upstream } from "./pipeline.ts";

/** What is wrong with `on.upstream` of pipelines taken together; `broken` where some of them could not be read. */
export function upstreamProblems(pipelines: readonly Pipeline[], broken: boolean): readonly Problem[] {
  const byId = new Map(pipelines.map((pipeline) => [pipeline.id, pipeline]));
  const told = new Set<string>();
  return pipelines.flatMap((pipeline) =>
    pipeline.triggers.upstream.flatMap((upstream): Problem[] => {
      if (!byId.has(upstream.pipeline)) return broken ? [] : [unknownUpstream(pipeline, upstream, byId)];
      const circle = told.has(pipeline.id) ? undefined : circleThrough(pipeline.id, upstream.pipeline, byId);
      if (circle === undefined) return [];
      for (const id of circle) told.add(id);
      return [
        problemAt(pipeline, upstream, {
          code: "upstream-circle",
          message: `these pipelines start each other: ${[...circle, pipeline.id].join(" → ")}`,
          next: "remove one of them from an `on.upstream`",
        }),
      ];
    }),
  );
}

function unknownUpstream(pipeline: Pipeline, upstream: Upstream, byId: ReadonlyMap<string, Pipeline>): Problem {
  const others = [...byId.keys()].filter((id) => id !== pipeline.id);
  const meant = closest(upstream.pipeline, others);
  const known = others.length === 0 ? "there is no other one" : `known: ${others.slice(0, 20).join(", ")}`;
  return problemAt(pipeline, upstream, {
    code: "unknown-pipeline",
    message: `there is no pipeline \`${upstream.pipeline}\``,
    next: meant === undefined ? known : `did you mean \`${meant}\`?`,
  });
}

/** The shortest way on which the success of `start` leads to a start of itself, beginning with it. */
function circleThrough(
  start: string,
  first: string,
  byId: ReadonlyMap<string, Pipeline>,
): readonly string[] | undefined {
  const seen = new Set<string>();
  let ways: (readonly string[])[] = [[first]];
  while (ways.length > 0) {
    const longer: (readonly string[])[] = [];
    for (const way of ways) {
      const [last] = way;
      if (last === start) return way;
      if (last === undefined || seen.has(last)) continue;
      seen.add(last);
      for (const { pipeline } of byId.get(last)?.triggers.upstream ?? []) longer.push([pipeline, ...way]);
    }
    ways = longer;
  }
  return undefined;
}

function problemAt(
  { path }: Pipeline,
  { at: [line, column, endLine, endColumn] }: Upstream,
  problem: Pick<Problem, "code" | "message" | "next">,
): Problem {
  return { severity: "error", at: { path, line, column, end: { line: endLine, column: endColumn } }, ...problem };
}
