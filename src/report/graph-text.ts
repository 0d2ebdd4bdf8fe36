import { levelsOf, type GraphView } from "./graph-view.ts";
import type { Paint } from "./paint.ts";
import { safeLine } from "./safe-text.ts";
import { signOf } from "./sign.ts";
import { alignColumns } from "./table.ts";
import { listed } from "./words.ts";

const DEEPEST = 12;

/** The graph for a terminal: one step a line, indented by its level, then what it waits for. */
export function graphText(graph: GraphView, paint: Paint): string {
  const levels = levelsOf(graph.nodes);
  const signed = graph.nodes.some((node) => node.state !== "plain");
  const rows = graph.nodes.map((node) => {
    const level = levels.get(node.name) ?? 0;
    const indent = "  ".repeat(Math.min(level, DEEPEST));
    const sign = signed ? `${signOf(node.state)} ` : "";
    const after =
      node.after.length === 0
        ? ""
        : paint.dim(
            `← ${listed(
              node.after.map((name) => safeLine(name)),
              6,
            )}`,
          );
    return [`  ${indent}${sign}${safeLine(node.name, 60)}`, after];
  });
  return `${[paint.strong(safeLine(graph.name)), ...alignColumns(rows)].join("\n")}\n`;
}
