import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Alias,
  type LineCounter,
  type Node,
  type Pair,
  type YAMLMap,
} from "yaml";

import type { Json } from "../identity/canonical-json.ts";
import type { Span } from "./pipeline.ts";

/** A YAML file as plain values, with the way back from every value to its place. */
export interface YamlSource {
  readonly path: string;
  readonly text: string;
  readonly value: Json;
  readonly root: Node | null;
  /** The value node below a map or list node; undefined when there is none. */
  child(node: Node | null | undefined, key: string | number): Node | undefined;
  /** Place of a node's value. */
  span(node: Node | null | undefined): Span;
  /** A scalar as it stands in the file: `3.10` is no `3.1` to whoever wrote it. */
  written(node: Node | null | undefined): string | undefined;
  /** Keys of a map in the order of the file, which objects do not keep for names such as `10`. */
  keys(node: Node | null | undefined): readonly string[];
  /** Place of a map's key. */
  keySpan(node: Node | null | undefined, key: string): Span;
}

/** What a file's values were read from. */
interface Origin {
  readonly path: string;
  readonly text: string;
  readonly lines: LineCounter;
  readonly pairs: ReadonlyMap<YAMLMap, ReadonlyMap<string, Pair>>;
  /** What aliases stand for. */
  readonly targets: ReadonlyMap<Alias, Node>;
}

/** Values with the way back to their places. */
export function locate(origin: Origin, root: Node | null, value: Json): YamlSource {
  const resolve = (node: Node | null | undefined): Node | undefined =>
    isAlias(node) ? origin.targets.get(node) : (node ?? undefined);
  return {
    path: origin.path,
    text: origin.text,
    value,
    root,
    child(node, key) {
      const from = resolve(node);
      if (isMap(from)) return (origin.pairs.get(from)?.get(String(key))?.value as Node | null) ?? undefined;
      if (isSeq(from) && typeof key === "number") return (from.items[key] as Node | null) ?? undefined;
      return undefined;
    },
    span: (node) => spanOf(origin.lines, node),
    written(node) {
      const scalar = resolve(node);
      return isScalar(scalar) ? scalar.source : undefined;
    },
    keys(node) {
      const from = resolve(node);
      return isMap(from) ? [...(origin.pairs.get(from)?.keys() ?? [])] : [];
    },
    keySpan(node, key) {
      const from = resolve(node);
      const pair = isMap(from) ? origin.pairs.get(from)?.get(key) : undefined;
      return spanOf(origin.lines, (pair?.key as Node | undefined) ?? node);
    },
  };
}

/** Place of a node; the file's beginning where it has none. */
export function spanOf(lines: LineCounter, node: Node | null | undefined): Span {
  const range = node?.range;
  if (range === undefined || range === null) return [1, 1, 1, 1];
  const from = lines.linePos(range[0]);
  const to = lines.linePos(range[1]);
  return [Math.max(1, from.line), Math.max(1, from.col), Math.max(1, to.line), Math.max(1, to.col)];
}
