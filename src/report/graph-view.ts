import type { Forecast, Verdict, WorkOrder } from "../plan/plan.ts";
import { counted } from "./words.ts";

export interface GraphNode {
  readonly name: string;
  readonly after: readonly string[];
  readonly state: Verdict["kind"] | "plain";
  /** How many steps this node stands for. */
  readonly steps: number;
  readonly detail: string;
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** Outputs that flow; none where only `needs:` orders the two. */
  readonly paths: readonly string[];
}

/** A pipeline's graph in a topological order. */
export interface GraphView {
  readonly name: string;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

/** The graph of a work order, coloured by its forecast where there is one. */
export function graphOf(order: WorkOrder, forecast: Forecast | null): GraphView {
  const verdicts = new Map((forecast?.steps ?? []).map((step) => [step.step, step.verdict.kind]));
  return {
    name: order.pipeline.name,
    nodes: order.steps.map(({ name, after }) => ({
      name,
      after,
      state: verdicts.get(name) ?? "plain",
      steps: 1,
      detail: "",
    })),
    edges: order.steps.flatMap((step) =>
      step.after.map((from) => ({
        from,
        to: step.name,
        paths: step.inputs.flatMap((input) => (input.kind === "output" && input.step === from ? [input.path] : [])),
      })),
    ),
  };
}

/** The length of the longest way to each node; nodes stand in a topological order. */
export function levelsOf(nodes: readonly Pick<GraphNode, "name" | "after">[]): ReadonlyMap<string, number> {
  const levels = new Map<string, number>();
  for (const node of nodes) {
    let level = 0;
    for (const before of node.after) level = Math.max(level, (levels.get(before) ?? -1) + 1);
    levels.set(node.name, level);
  }
  return levels;
}

/**
 * A graph of at most `limit` nodes: first steps of one level whose names differ only in their last part
 * become one, then whole levels, then ranges of levels. Edges lead from earlier to later levels, so
 * that what comes out has no cycle.
 */
export function collapsed(graph: GraphView, limit: number): GraphView {
  if (graph.nodes.length <= limit) return graph;
  const levels = levelsOf(graph.nodes);
  const levelOf = (node: GraphNode): number => levels.get(node.name) ?? 0;
  const depth = 1 + Math.max(...levels.values());
  const byStem = grouped(
    graph,
    (node) => `${levelOf(node)} ${stem(node.name)}`,
    (members) => `${stem(members[0]?.name ?? "")}…`,
  );
  if (byStem.nodes.length <= limit) return byStem;
  const byLevel = grouped(
    graph,
    (node) => String(levelOf(node)),
    (members) => `${members[0]?.name ?? ""} …`,
  );
  if (byLevel.nodes.length <= limit) return byLevel;
  const range = (node: GraphNode): string => String(Math.floor((levelOf(node) * limit) / depth));
  return grouped(graph, range, (members) => `${members[0]?.name ?? ""} … ${members.at(-1)?.name ?? ""}`);
}

function stem(name: string): string {
  return name.replace(/[A-Za-z]*\d*$|[^-_.]*$/, "") || name.replace(/\d+$/, "");
}

function grouped(
  graph: GraphView,
  keyOf: (node: GraphNode) => string,
  nameOf: (members: readonly GraphNode[]) => string,
): GraphView {
  const groups = new Map<string, GraphNode[]>();
  for (const node of graph.nodes) {
    const key = keyOf(node);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [node]);
    else group.push(node);
  }
  const homes = new Map<string, string>();
  const taken = new Set<string>();
  const named: { readonly name: string; readonly members: readonly GraphNode[] }[] = [];
  for (const members of groups.values()) {
    let name = members.length === 1 ? (members[0]?.name ?? "") : nameOf(members);
    for (let again = 2; taken.has(name); again++) name = `${nameOf(members)} (${again})`;
    taken.add(name);
    named.push({ name, members });
    for (const member of members) homes.set(member.name, name);
  }
  const nodes = named.map(({ name, members }) => groupNode(name, members, homes));
  const edges = nodes.flatMap((node) => node.after.map((from) => ({ from, to: node.name, paths: [] })));
  return { name: graph.name, nodes, edges };
}

function groupNode(name: string, members: readonly GraphNode[], homes: ReadonlyMap<string, string>): GraphNode {
  const after = new Set(members.flatMap((member) => member.after.map((before) => homes.get(before) ?? before)));
  after.delete(name);
  const only = members.length === 1 ? members[0] : undefined;
  if (only !== undefined) return { ...only, after: [...after] };
  const tally = (state: GraphNode["state"]): number => members.filter((member) => member.state === state).length;
  const states: readonly GraphNode["state"][] = ["run", "depends", "cached", "withheld"];
  const parts = states.filter((state) => tally(state) > 0).map((state) => `${tally(state)} ${words[state]}`);
  const detail = `${counted(members.length, "step")}${parts.length > 0 ? `: ${parts.join(", ")}` : ""}`;
  return {
    name,
    after: [...after],
    state: states.find((state) => tally(state) > 0) ?? "plain",
    steps: members.length,
    detail,
  };
}

const words: Readonly<Record<GraphNode["state"], string>> = {
  run: "run",
  depends: "depend",
  cached: "cached",
  withheld: "left out",
  plain: "",
};
