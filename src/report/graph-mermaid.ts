import { collapsed, type GraphNode, type GraphView } from "./graph-view.ts";
import { mermaidText } from "./mermaid-text.ts";
import { signOf } from "./sign.ts";

const NODES = 30;

/** The graph as a Mermaid flowchart of at most thirty nodes; ids are our own, labels are escaped. */
export function graphMermaid(graph: GraphView): string {
  const { nodes } = collapsed(graph, NODES);
  const ids = new Map(nodes.map((node, at) => [node.name, `n${at}`]));
  const edges = nodes.flatMap((node) =>
    node.after.flatMap((before) => (ids.has(before) ? [`  ${ids.get(before)} --> ${ids.get(node.name)}`] : [])),
  );
  const running = nodes.flatMap((node) => (node.state === "run" ? [ids.get(node.name)] : []));
  const waiting = nodes.flatMap((node) => (node.state === "depends" ? [ids.get(node.name)] : []));
  return [
    "flowchart LR",
    ...nodes.map((node) => `  ${ids.get(node.name)}["${label(node)}"]`),
    ...edges,
    ...(running.length > 0 ? ["  classDef run stroke-width:3px", `  class ${running.join(",")} run`] : []),
    ...(waiting.length > 0 ? ["  classDef depends stroke-dasharray:4", `  class ${waiting.join(",")} depends`] : []),
    "",
  ].join("\n");
}

function label(node: GraphNode): string {
  const sign = node.state === "plain" || node.state === "withheld" ? "" : `${signOf(node.state)} `;
  const detail = node.detail === "" ? "" : ` ${mermaidText(`· ${node.detail}`, 200)}`;
  return sign + mermaidText(node.name, 60) + detail;
}
