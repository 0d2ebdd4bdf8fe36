import { isMap, isScalar, isSeq, type Node } from "yaml";

import { placeholders } from "../expression/template.ts";
import { report, type Reading } from "./reading.ts";

/** Reports every `${{ }}` outside `run`: nothing else is filled in (SEMANTICS §2). */
export function checkTemplatePlaces(reading: Reading): void {
  if (reading.yaml.text.includes("${{")) visit(reading, reading.yaml.root, []);
}

function visit(reading: Reading, node: Node | null | undefined, path: readonly string[]): void {
  if (isMap(node)) {
    for (const key of reading.yaml.keys(node)) visit(reading, reading.yaml.child(node, key), [...path, key]);
  } else if (isSeq(node)) {
    for (const item of node.items) visit(reading, item as Node | null, path);
  } else if (isScalar(node) && typeof node.value === "string" && node.value.includes("${{")) {
    check(reading, { node, text: node.value }, path);
  }
}

function check(
  reading: Reading,
  scalar: { readonly node: Node; readonly text: string },
  path: readonly string[],
): void {
  const [top, second, third] = path;
  if (top === "description" || path.at(-1) === "description" || (top === "steps" && third === "run")) return;
  if (top === "on" && second === "schedule" && third === "params") {
    const other = placeholders(scalar.text).find(({ expression }) => expression !== "schedule.date");
    if (other === undefined && !unclosed(scalar.text)) return;
    report(reading, reading.yaml.span(scalar.node), {
      code: "bad-template",
      message: "a schedule's parameters know only `${{ schedule.date }}`",
      next: "write `${{ schedule.date }}`",
    });
    return;
  }
  report(reading, reading.yaml.span(scalar.node), {
    code: "template-place",
    message: `\`\${{ }}\` stands in \`${path.at(-1) ?? ""}\` and is filled in only in \`run\``,
    next: "write the value itself",
  });
}

/** True when a `${{` is never closed. */
export function unclosed(text: string): boolean {
  return text.split("${{").length - 1 > placeholders(text).length;
}
