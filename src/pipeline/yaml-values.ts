import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Alias,
  type LineCounter,
  type Node,
  type Pair,
  type YAMLMap,
} from "yaml";

import type { Json } from "../identity/canonical-json.ts";
import type { Problem } from "../problem/problem.ts";
import { shorten } from "../problem/shorten.ts";
import { MAX_DEPTH, nestingProblem } from "./yaml-problems.ts";
import { locate, spanOf, type YamlSource } from "./yaml-source.ts";

/** Values after all aliases are expanded: an honest file of this size has no more than this. */
const MAX_VALUES = 2_000_000;
const MAX_ALIASED_VALUES = 100_000;

/** A file as plain values, or why there are none. */
export interface ReadYaml {
  readonly yaml: YamlSource | null;
  readonly problems: readonly Problem[];
}

interface Conversion {
  readonly path: string;
  readonly lines: LineCounter;
  readonly problems: Problem[];
  readonly pairs: Map<YAMLMap, Map<string, Pair>>;
  /** The newest node of each anchor so far, in the order of the file. */
  readonly anchors: Map<string, Node>;
  readonly targets: Map<Alias, Node>;
  /** Anchored nodes that are being read: an alias to one of them would never end. */
  readonly open: Set<Node>;
  values: number;
  aliased: number;
  inAlias: number;
  /** The alias that is being expanded, not those inside of what it names. */
  outermost: Alias | null;
}

class Exploded extends Error {}

class TooDeep extends Error {
  readonly node: Node | null;
  constructor(node: Node | null) {
    super();
    this.node = node;
  }
}

function placeOf(work: Conversion, node: Node | null): Problem["at"] {
  const [line, column] = spanOf(work.lines, node);
  return { path: work.path, line, column };
}

/** Plain values of a parsed document, with all aliases expanded. */
export function convert(
  file: { readonly path: string; readonly text: string },
  root: Node | null,
  lines: LineCounter,
): ReadYaml {
  const { path } = file;
  const work: Conversion = {
    path,
    lines,
    problems: [],
    pairs: new Map(),
    anchors: new Map(),
    targets: new Map(),
    open: new Set(),
    values: 0,
    aliased: 0,
    inAlias: 0,
    outermost: null,
  };
  let value: Json;
  try {
    value = plain(work, root, 0);
  } catch (error) {
    if (error instanceof TooDeep)
      return { yaml: null, problems: [...work.problems, nestingProblem(placeOf(work, error.node))] };
    if (!(error instanceof Exploded)) throw error;
    const problem: Problem = {
      severity: "error",
      code: "alias-explosion",
      at: placeOf(work, work.outermost),
      message: error.message,
      next: "write fewer aliases, or the values themselves",
    };
    return { yaml: null, problems: [...work.problems, problem] };
  }
  return { yaml: locate({ ...work, text: file.text }, root, value), problems: work.problems };
}

function plain(work: Conversion, node: Node | null, depth: number): Json {
  if (depth > MAX_DEPTH) throw new TooDeep(node);
  if (++work.values > MAX_VALUES) throw new Exploded(`the file holds more than ${MAX_VALUES} values`);
  if (work.inAlias > 0 && ++work.aliased > MAX_ALIASED_VALUES) {
    throw new Exploded(`aliases expand to more than ${MAX_ALIASED_VALUES} values`);
  }
  if (node === null) return null;
  if (isAlias(node)) {
    const target = targetOf(work, node);
    if (target === undefined) return `*${node.source}`;
    if (work.inAlias++ === 0) work.outermost = node;
    const value = plain(work, target, depth + 1);
    work.inAlias--;
    return value;
  }
  if (node.anchor === undefined) return plainNode(work, node, depth);
  if (work.inAlias === 0) work.anchors.set(node.anchor, node);
  work.open.add(node);
  const value = plainNode(work, node, depth);
  work.open.delete(node);
  return value;
}

function plainNode(work: Conversion, node: Exclude<Node, Alias>, depth: number): Json {
  if (isMap(node)) return plainMap(work, node, depth);
  if (isSeq(node)) return node.items.map((item) => plain(work, item as Node | null, depth + 1));
  return isScalar(node) ? plainScalar(work, node) : null;
}

/** What an alias stands for. The library's own look-up walks the whole file for each alias. */
function targetOf(work: Conversion, alias: Alias): Node | undefined {
  const known = work.targets.get(alias);
  if (known !== undefined) return known;
  const target = work.anchors.get(alias.source);
  if (target !== undefined && work.open.has(target)) {
    const written = shorten(alias.source);
    report(work, alias, "alias", `\`*${written}\` stands inside of \`&${written}\`, which it repeats`, "write it out");
    return undefined;
  }
  if (target !== undefined) work.targets.set(alias, target);
  else {
    const written = `*${shorten(alias.source)}`;
    report(
      work,
      alias,
      "alias",
      `\`${written}\` is a YAML alias without an anchor`,
      `quote it if it is a pattern: "${written}"`,
    );
  }
  return target;
}

function plainScalar(work: Conversion, node: Node): Json {
  const value: unknown = isScalar(node) ? node.value : null;
  if (typeof value === "string" && (value.includes("\0") || !value.isWellFormed())) {
    report(work, node, "text", "this text holds a NUL or half a character", "remove the escape");
    return "removed";
  }
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
  if (typeof value === "number") {
    if (Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))) return value;
    report(
      work,
      node,
      "number",
      `\`${shorten(sourceOf(node))}\` is no number that every reader takes the same way`,
      "write a finite number below 2^53, or quote it",
    );
    return 0;
  }
  return sourceOf(node);
}

function sourceOf(node: Node): string {
  return isScalar(node) && typeof node.source === "string" ? node.source : String(node);
}

function plainMap(work: Conversion, node: YAMLMap, depth: number): Json {
  const members: Record<string, Json> = {};
  const seen = work.pairs.get(node) ?? new Map<string, Pair>();
  const fresh = !work.pairs.has(node);
  for (const pair of node.items) {
    if (!isPair(pair)) continue;
    const key = keyText(pair.key);
    if (key === undefined) {
      report(work, pair.key as Node, "key", "a key must be plain text", "write a name here");
      continue;
    }
    if (isMergeKey(pair.key)) {
      report(
        work,
        pair.key as Node,
        "merge-key",
        "`<<` does not merge maps in YAML 1.2",
        "write the keys out; what steps share goes to `defaults:`",
      );
      continue;
    }
    if (key === "__proto__") {
      report(work, pair.key as Node, "key", "`__proto__` cannot be a name", "choose another name");
      continue;
    }
    if (fresh && seen.has(key)) {
      report(
        work,
        pair.key as Node,
        "duplicate-key",
        `\`${shorten(key)}\` stands here a second time`,
        `remove one of the two \`${shorten(key)}\``,
      );
      continue;
    }
    seen.set(key, pair);
    members[key] = plain(work, pair.value as Node | null, depth + 1);
  }
  work.pairs.set(node, seen);
  return members;
}

function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.value === "<<" && key.type === "PLAIN";
}

function keyText(key: unknown): string | undefined {
  if (isScalar(key)) return typeof key.value === "string" ? key.value : sourceOf(key);
  return key === null ? "null" : undefined;
}

function report(work: Conversion, node: Node | null, code: string, message: string, next: string): void {
  const [line, column, endLine, endColumn] = spanOf(work.lines, node);
  work.problems.push({
    severity: "error",
    code,
    at: { path: work.path, line, column, end: { line: endLine, column: endColumn } },
    message,
    next,
  });
}
