import { isMap, isScalar, isSeq, type Document, type YAMLMap, type YAMLSeq } from "yaml";

import { flowItem } from "../pipeline/flow-item.ts";
import type { FailedRun, FailedStep } from "../report/failed-run.ts";
import { isFixable } from "../report/failure.ts";
import { newOutputs } from "../report/failure-hint.ts";
import type { Session } from "./session.ts";

/** Text that comes into a file at an offset. */
interface Insertion {
  readonly at: number;
  readonly text: string;
}

/**
 * Writes what failed steps lack in `inputs:` or `outputs:` into the pipeline file and answers which steps were helped;
 * every other byte of it stays.
 */
export async function fixDeclarations(session: Session, path: string, failed: FailedRun): Promise<ReadonlySet<string>> {
  const fixed = new Set<string>();
  const bytes = await session.project.view.read(path);
  if (bytes === undefined) return fixed;
  const { parseDocument } = await import("yaml");
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const document = parseDocument(text);
  const insertions: Insertion[] = [];
  for (const step of failed.failed) {
    const addition = additionFor(step);
    const insertion = addition && insertionFor(document, text, { step: step.step, ...addition });
    if (insertion === undefined) continue;
    insertions.push(insertion);
    fixed.add(step.step);
  }
  if (fixed.size === 0) return fixed;
  const written = insertions
    .toSorted((a, b) => b.at - a.at)
    .reduce((so, { at, text: added }) => so.slice(0, at) + added + so.slice(at), text);
  session.repository.write(path, written);
  return fixed;
}

interface Addition {
  readonly list: "inputs" | "outputs";
  readonly items: readonly string[];
}

function additionFor(step: FailedStep): Addition | undefined {
  const { nearMiss } = step;
  if (nearMiss !== null) return isFixable(nearMiss) ? { list: "inputs", items: nearMiss.inputs.slice(-1) } : undefined;
  const outputs = newOutputs(step);
  return outputs.length === 0 ? undefined : { list: "outputs", items: outputs.map(flowItem) };
}

/** Undefined where the step or its list is written elsewhere, by an alias. */
function insertionFor(
  document: Document,
  text: string,
  { step, list, items }: Addition & { readonly step: string },
): Insertion | undefined {
  const node = document.getIn(["steps", step], true);
  if (!isMap(node)) return undefined;
  const written: unknown = node.get(list, true);
  if (written === undefined) return intoStep(node, text, `${list}: [${items.join(", ")}]`);
  return isSeq(written) ? intoList(written, text, items) : undefined;
}

function intoList(list: YAMLSeq, text: string, items: readonly string[]): Insertion | undefined {
  const last = list.items.at(-1);
  const end = rangeOf(last)?.[1];
  if (list.flow === true) {
    const close = rangeOf(list)?.[1];
    if (end !== undefined) return { at: end, text: `, ${items.join(", ")}` };
    return close === undefined ? undefined : { at: close - 1, text: items.join(", ") };
  }
  const start = rangeOf(list)?.[0];
  if (end === undefined || start === undefined) return undefined;
  const lines = items.map((item) => `${indentAt(text, start)}- ${item}`);
  return afterLine(text, end, lines.join(lineBreak(text)));
}

function intoStep(step: YAMLMap, text: string, entry: string): Insertion | undefined {
  const first = step.items[0]?.key;
  const start = isScalar(first) ? rangeOf(first)?.[0] : undefined;
  if (start === undefined) return undefined;
  if (step.flow === true) return { at: start, text: `${entry}, ` };
  return { at: start, text: `${entry}${lineBreak(text)}${indentAt(text, start)}` };
}

function rangeOf(node: unknown): readonly number[] | undefined {
  const range: unknown = typeof node === "object" && node !== null && "range" in node ? node.range : undefined;
  return Array.isArray(range) ? (range as readonly number[]) : undefined;
}

/** What stands before an offset in its line, which in a block is its indentation. */
function indentAt(text: string, at: number): string {
  return text.slice(text.lastIndexOf("\n", at - 1) + 1, at).replace(/[^ ]/g, " ");
}

/** A new line behind the one that holds the offset, whatever comment ends it. */
function afterLine(text: string, at: number, line: string): Insertion {
  // A value of several lines ends behind its last line break.
  const end = text.indexOf("\n", text[at - 1] === "\n" ? at - 1 : at);
  return end < 0
    ? { at: text.length, text: `${lineBreak(text)}${line}` }
    : { at: end + 1, text: `${line}${lineBreak(text)}` };
}

function lineBreak(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}
