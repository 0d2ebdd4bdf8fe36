import type { GraphView } from "./graph-view.ts";
import { safeLine } from "./safe-text.ts";
import { signOf } from "./sign.ts";

/** The whole graph for Graphviz. */
export function graphDot(graph: GraphView): string {
  const ids = new Map(graph.nodes.map((node, at) => [node.name, `n${at}`]));
  const nodes = graph.nodes.map((node) => {
    const style = node.state === "run" ? ", penwidth=3" : node.state === "depends" ? ", style=dashed" : "";
    return `  ${ids.get(node.name)} [label=${quoted(`${signOf(node.state)} ${safeLine(node.name, 80)}`.trim())}${style}];`;
  });
  const edges = graph.edges.flatMap((edge) => {
    const [from, to] = [ids.get(edge.from), ids.get(edge.to)];
    if (from === undefined || to === undefined) return [];
    const label = edge.paths.length === 0 ? "style=dotted" : `tooltip=${quoted(safeLine(edge.paths.join(", "), 200))}`;
    return [`  ${from} -> ${to} [${label}];`];
  });
  return [
    `digraph ${quoted(safeLine(graph.name, 80))} {`,
    "  rankdir=LR;",
    "  node [shape=box];",
    ...nodes,
    ...edges,
    "}",
    "",
  ].join("\n");
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
