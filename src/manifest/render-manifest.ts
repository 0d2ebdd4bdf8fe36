import { digestOf } from "../identity/identity.ts";
import type { RunRecord } from "../run/run-record.ts";
import { factsOf } from "./facts.ts";
import { observationsOf } from "./observations.ts";
import {
  PART_NAMES,
  partFile,
  partValue,
  withoutPart,
  type Body,
  type PartName,
  type PartReference,
  type Parts,
} from "./parts.ts";
import { inLines } from "./in-lines.ts";
import { statementOf } from "./statement.ts";

/** No manifest is longer, in bytes; what does not fit stands beside it and is named in it by digest. */
export const MAX_MANIFEST = 1_048_576;

export interface RenderedRun {
  /** The bytes of `manifest.json`. */
  readonly manifest: Uint8Array;
  /** Files beside it, by name; empty for all but very large runs. */
  readonly parts: ReadonlyMap<string, Uint8Array>;
}

/** The bytes of `manifest.json` alone. */
export function renderManifest(record: RunRecord): Uint8Array {
  return renderRun(record).manifest;
}

/** A run as the files that its directory in the ledger holds: equal records give equal bytes. */
export function renderRun(record: RunRecord, limit: number = MAX_MANIFEST): RenderedRun {
  let body: Body = { facts: factsOf(record), observations: observationsOf(record) };
  const parts = new Map<string, Uint8Array>();
  let references: Parts = {};
  let manifest = encode(inLines(statementOf(record, body, references)));
  for (const name of PART_NAMES) {
    if (manifest.byteLength <= limit) break;
    const { bytes, reference } = cut(body, name);
    if (reference.count === 0) continue;
    parts.set(reference.file, bytes);
    references = { ...references, [name]: reference };
    body = withoutPart(body, name);
    manifest = encode(inLines(statementOf(record, body, references)));
  }
  return { manifest, parts };
}

function cut(body: Body, name: PartName): { readonly bytes: Uint8Array; readonly reference: PartReference } {
  const value = partValue(body, name);
  const bytes = encode(JSON.stringify(value));
  return { bytes, reference: { file: partFile(name), digest: digestOf(bytes), count: Object.keys(value).length } };
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\n`);
}
