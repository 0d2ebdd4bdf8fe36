import { parseHTML } from "linkedom";
import { beforeAll, expect, test } from "vitest";

import { graphDot } from "../../src/report/graph-dot.ts";
import { graphJson } from "../../src/report/graph-json.ts";
import { graphMermaid } from "../../src/report/graph-mermaid.ts";
import { graphText } from "../../src/report/graph-text.ts";
import { collapsed, graphOf, type GraphNode, type GraphView } from "../../src/report/graph-view.ts";
import { noPaint } from "../../src/report/paint.ts";
import { changedDigits, digits } from "./digits.ts";

let parse: (text: string) => Promise<unknown>;

beforeAll(async () => {
  const { window } = parseHTML("<!doctype html><html><body></body></html>");
  Object.assign(globalThis, { window, document: window.document });
  const { default: mermaid } = await import("mermaid");
  parse = async (text) => await mermaid.parse(text);
}, 60_000);

function node(name: string, after: readonly string[] = [], state: GraphNode["state"] = "plain"): GraphNode {
  return { name, after, state, steps: 1, detail: "" };
}

function view(nodes: readonly GraphNode[]): GraphView {
  return {
    name: "made up",
    nodes,
    edges: nodes.flatMap((to) => to.after.map((from) => ({ from, to: to.name, paths: [] }))),
  };
}

const wide = view([
  node("fetch", [], "cached"),
  ...Array.from({ length: 40 }, (_, at) => node(`train-${at}`, ["fetch"], at < 3 ? "run" : "cached")),
  node(
    "collect",
    Array.from({ length: 40 }, (_, at) => `train-${at}`),
    "depends",
  ),
]);
const odd = view(
  Array.from({ length: 50 }, (_, at) => node(`${"abcdefghijklmnopqrstuvwxyz"[at % 26]}${"xyz"[Math.floor(at / 26)]}q`)),
);
const chain = view(Array.from({ length: 500 }, (_, at) => node(`link${at}`, at === 0 ? [] : [`link${at - 1}`])));
const hostile = view([
  node('"]; click n0 "javascript:alert(1)"', [], "run"),
  node("end", ['"]; click n0 "javascript:alert(1)"']),
  node("```\n</details>", ["end"]),
  node("#quot; <b>%%{init: {}}%%", ["end"], "depends"),
  node("日本語 `x` \\ | & ;", ["end"]),
]);

test("the graph of digits", async () => {
  const graph = graphOf(digits, changedDigits.forecast);
  await expect(graphMermaid(graph)).toMatchFileSnapshot("../golden/report/graph.mmd");
  await expect(graphDot(graph)).toMatchFileSnapshot("../golden/report/graph.dot");
  await expect(graphJson([graph, graphOf(digits, null)])).toMatchFileSnapshot("../golden/report/graph.json");
  await expect(`${graphText(graph, noPaint)}\n${graphText(graphOf(digits, null), noPaint)}`).toMatchFileSnapshot(
    "../golden/report/graph.txt",
  );
});

test("mermaid takes what we write, and refuses what is no flowchart", async () => {
  await expect(parse('flowchart LR\n  n0["open\n')).rejects.toThrow(/parse error|lexical error/i);
  for (const graph of [graphOf(digits, changedDigits.forecast), wide, odd, chain, hostile]) {
    expect(await parse(graphMermaid(graph))).toMatchObject({
      diagramType: expect.stringContaining("flowchart") as unknown,
    });
  }
});

test("hostile names stay labels", async () => {
  const text = graphMermaid(hostile);
  expect(text.split("\n").filter((line) => line.includes("click") && !line.includes('["'))).toEqual([]);
  expect(text).not.toContain("```");
  for (const line of text.split("\n")) expect([0, 2]).toContain(line.split('"').length - 1);
  await expect(`${text}\n${graphDot(hostile)}\n${graphText(hostile, noPaint)}`).toMatchFileSnapshot(
    "../golden/report/graph-hostile.txt",
  );
});

test("large graphs are collapsed to thirty nodes without a cycle or a lost step", async () => {
  for (const graph of [wide, odd, chain]) {
    const small = collapsed(graph, 30);
    expect(small.nodes.length).toBeLessThanOrEqual(30);
    expect(small.nodes.reduce((sum, one) => sum + one.steps, 0)).toBe(graph.nodes.length);
    const seen = new Set<string>();
    for (const one of small.nodes) {
      for (const before of one.after) expect(seen).toContain(before);
      seen.add(one.name);
    }
    expect(seen.size).toBe(small.nodes.length);
  }
  await expect([wide, odd, chain].map(graphMermaid).join("\n")).toMatchFileSnapshot(
    "../golden/report/graph-collapsed.mmd",
  );
});
