import { byUtf8 } from "../identity/canonical-json.ts";
import type { Digest } from "../identity/identity.ts";
import { withInputs, type EntryKind, type KeyDocument, type KeyInput, type StepResult } from "./key-document.ts";

/** An input whose bytes are known, or the place of it among another step's outputs. */
export type DocumentInput =
  | { readonly kind: "source" | "dataset"; readonly entry: KeyInput }
  | { readonly kind: "output"; readonly path: string; readonly step: string; readonly output: string };

/** What stands at a path inside a stored directory; undefined: nothing. */
export type DirectoryPart =
  | { readonly kind: EntryKind; readonly digest: Digest }
  | { readonly kind: "unreadable" }
  | undefined;

export interface UpstreamResults {
  readonly result: (step: string) => StepResult | undefined;
  readonly part: (directory: Digest, path: string) => DirectoryPart;
}

/**
 * The key document with the digests of real inputs in place of symbols; undefined while an upstream result is unknown,
 * or what a directory of it holds.
 * An output that is selected in part enters with the part's digest alone, so that the rest of it never causes a rerun.
 */
export function concreteDocument(
  symbolic: KeyDocument,
  inputs: readonly DocumentInput[],
  upstream: UpstreamResults,
): KeyDocument | undefined {
  if (inputs.every((input) => input.kind !== "output")) return symbolic;
  const entries: KeyInput[] = [];
  for (const input of inputs) {
    if (input.kind !== "output") {
      entries.push(input.entry);
      continue;
    }
    const result = upstream.result(input.step);
    if (result === undefined) return undefined;
    const entry = entryOf(input, result, upstream);
    if (entry === undefined) return undefined;
    entries.push(entry);
  }
  return withInputs(
    symbolic,
    entries.sort((a, b) => byUtf8(a.path, b.path)),
  );
}

function entryOf(
  input: Extract<DocumentInput, { kind: "output" }>,
  result: StepResult,
  upstream: UpstreamResults,
): KeyInput | undefined {
  const whole = result.facts.outputs.find((output) => output.path === input.path);
  if (whole !== undefined) return { path: input.path, kind: whole.kind, digest: whole.digest };
  const holder = result.facts.outputs.find((output) => input.path.startsWith(`${output.path}/`));
  const part =
    holder === undefined ? undefined : upstream.part(holder.digest, input.path.slice(holder.path.length + 1));
  if (part?.kind === "unreadable") return undefined;
  // A part that the directory does not hold has a name of its own, so that its appearing later is a change.
  return part === undefined
    ? { path: input.path, kind: "output", digest: "absent" }
    : { path: input.path, kind: part.kind, digest: part.digest };
}
