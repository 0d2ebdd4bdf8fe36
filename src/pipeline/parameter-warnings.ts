import { isAlias, isMap, isScalar, isSeq, type Node } from "yaml";

import type { Problem } from "../problem/problem.ts";
import type { YamlSource } from "./yaml-source.ts";

/** Plain scalars that YAML 1.1 readers (PyYAML among them) take otherwise than YAML 1.2. */
const DISAGREEMENTS: readonly { readonly pattern: RegExp; readonly reading: (text: string) => string }[] = [
  { pattern: /^(yes|on)$/i, reading: () => "true" },
  { pattern: /^(no|off)$/i, reading: () => "false" },
  { pattern: /^0[0-7]+$/, reading: (text) => `octal ${Number.parseInt(text, 8)}` },
  { pattern: /^[-+]?\d+[eE][-+]?\d+$/, reading: (text) => `text "${text}"` },
  { pattern: /^[-+]?0\d*[89]\d*$/, reading: (text) => `text "${text}"` },
  { pattern: /^0o[0-7]+$/, reading: (text) => `text "${text}"` },
  { pattern: /^[-+]\.\d+/, reading: (text) => `text "${text}"` },
  { pattern: /^[-+]?(\d+(\.\d*)?|\.\d+)[eE]\d+$/, reading: (text) => `text "${text}"` },
  { pattern: /^[-+]?[1-9]\d*(:[0-5]?\d)+(\.\d*)?$/, reading: (text) => `number ${sexagesimal(text)} (base 60)` },
  { pattern: /^\d{4}-\d{2}-\d{2}([Tt ].*)?$/, reading: () => "a date" },
  { pattern: /^[-+]?\d[\d_]*_[\d_]*$/, reading: (text) => `number ${text.replaceAll("_", "")}` },
  { pattern: /^0b[01_]+$/, reading: (text) => `number ${Number.parseInt(text.slice(2).replaceAll("_", ""), 2)}` },
];

/** Warnings for parameter values that two YAML readers would understand differently, with both readings. */
export function parameterWarnings(yaml: YamlSource, node: Node | undefined): readonly Problem[] {
  const found: Problem[] = [];
  visit(node, (scalar, text, value) => {
    const other = DISAGREEMENTS.find(({ pattern }) => pattern.test(text));
    if (other === undefined) return;
    const [line, column, endLine, endColumn] = yaml.span(scalar);
    const here = typeof value === "string" ? `text "${value}"` : `${typeof value} ${String(value)}`;
    found.push({
      severity: "warning",
      code: "yaml-1.1",
      at: { path: yaml.path, line, column, end: { line: endLine, column: endColumn } },
      message: `\`${text}\` is ${here} here, but ${other.reading(text)} for YAML 1.1 readers such as PyYAML`,
      next: typeof value === "number" ? `write ${plainNumber(value)}` : `quote it: "${text}"`,
    });
  });
  return found.slice(0, 100);
}

function visit(node: Node | undefined | null, take: (scalar: Node, text: string, value: unknown) => void): void {
  if (node === undefined || node === null || isAlias(node)) return;
  if (isMap(node)) for (const pair of node.items) visit(pair.value as Node | null, take);
  else if (isSeq(node)) for (const item of node.items) visit(item as Node | null, take);
  else if (isScalar(node) && node.type === "PLAIN" && typeof node.source === "string")
    take(node, node.source, node.value);
}

function sexagesimal(text: string): number {
  return text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

function plainNumber(value: number): string {
  const text = value.toLocaleString("en-US", { useGrouping: false, maximumSignificantDigits: 17 });
  return text.includes(".") || Number.isInteger(value) ? text : String(value);
}
