import { isMap, isScalar, isSeq, type Document, type YAMLMap, type YAMLSeq } from "yaml";

import type { FailedRun } from "../report/failed-run.ts";
import type { Session } from "./session.ts";

/** Text that comes into a file at an offset. */
interface Insertion {
  readonly at: number;
  readonly text: string;
}

/** Writes the input that a near miss asks for into the pipeline file; every other byte of it stays. */
export async function fixInputs(session: Session, path: string, failed: FailedRun): Promise<void> {
  const bytes = await session.project.view.read(path);
  if (bytes === undefined) return;
  const { parseDocument } = await import("yaml");
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const document = parseDocument(text);
  const insertions: Insertion[] = [];
  const fixed: string[] = [];
  for (const { step, nearMiss } of failed.failed) {
    const item = nearMiss?.inputs.at(-1);
    // What is no dataset yet has to be pinned too.
    if (nearMiss === null || item === undefined || nearMiss.dataset?.declared === false) continue;
    const insertion = insertionFor(document, text, { step, item });
    if (insertion === undefined) continue;
    insertions.push(insertion);
    fixed.push(`${step}: ${nearMiss.path}`);
  }
  if (fixed.length === 0) return;
  const written = insertions
    .toSorted((a, b) => b.at - a.at)
    .reduce((so, { at, text: added }) => so.slice(0, at) + added + so.slice(at), text);
  session.repository.write(path, written);
  session.world.terminal.say(`wrote to ${path}: ${fixed.join(", ")}\n  next: sluice run\n`);
}

/** Undefined where the step or its inputs are written elsewhere, by an alias. */
function insertionFor(
  document: Document,
  text: string,
  { step, item }: { readonly step: string; readonly item: string },
): Insertion | undefined {
  const node = document.getIn(["steps", step], true);
  if (!isMap(node)) return undefined;
  const inputs: unknown = node.get("inputs", true);
  if (inputs === undefined) return intoStep(node, text, `inputs: [${item}]`);
  return isSeq(inputs) ? intoList(inputs, text, item) : undefined;
}

function intoList(list: YAMLSeq, text: string, word: string): Insertion | undefined {
  const last = list.items.at(-1);
  const end = rangeOf(last)?.[1];
  if (list.flow === true) {
    const close = rangeOf(list)?.[1];
    if (end !== undefined) return { at: end, text: `, ${word}` };
    return close === undefined ? undefined : { at: close - 1, text: word };
  }
  const start = rangeOf(list)?.[0];
  if (end === undefined || start === undefined) return undefined;
  return afterLine(text, end, `${indentAt(text, start)}- ${word}`);
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
  return end < 0 ? { at: text.length, text: `\n${line}` } : { at: end + 1, text: `${line}${lineBreak(text)}` };
}

function lineBreak(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}
