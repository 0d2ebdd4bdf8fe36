import { levelsOf, type GraphView } from "./graph-view.ts";
import { jsonDocument } from "./words.ts";

/** The graphs for programs, version 1: steps with their level, edges with the paths that flow along them. */
export function graphJson(graphs: readonly GraphView[]): string {
  return jsonDocument({
    pipelines: graphs.map((graph) => {
      const levels = levelsOf(graph.nodes);
      return {
        name: graph.name,
        steps: graph.nodes.map(({ name, state }) => ({
          name,
          level: levels.get(name) ?? 0,
          ...(state === "plain" ? {} : { verdict: state }),
        })),
        edges: graph.edges,
      };
    }),
  });
}
