import type { Digest } from "../identity/identity.ts";
import type { ListingEntry, StepResult } from "../key/key-document.ts";
import { selectionOf } from "../key/listing-part.ts";
import type { WorkInput } from "../plan/plan.ts";
import type { Failure } from "./run-record.ts";

/** Bytes of the store that a step finds at a path of its workspace. */
export interface StagedOutput {
  readonly kind: "store";
  readonly path: string;
  readonly entry: "file" | "executable" | "directory";
  readonly digest: Digest;
}

/** A link inside a stored directory; the store takes none that leave it. */
export interface StagedLink {
  readonly kind: "link";
  readonly path: string;
  readonly target: string;
}

/** An upstream output as a step gets it: whole, or the selected part of a directory file by file. */
export function stageUpstream(
  input: Extract<WorkInput, { kind: "output" }>,
  result: StepResult | undefined,
  listing: (digest: Digest) => readonly ListingEntry[] | undefined,
): readonly (StagedOutput | StagedLink)[] | Extract<Failure, { kind: "lost" }> {
  const outputs = result?.facts.outputs ?? [];
  const whole = outputs.find((output) => output.path === input.path);
  if (whole !== undefined) return [{ kind: "store", path: whole.path, entry: whole.kind, digest: whole.digest }];
  const holder = outputs.find((output) => input.path.startsWith(`${output.path}/`));
  if (holder === undefined) return [];
  const selects = selectionOf(input.path.slice(holder.path.length + 1));
  const entries = listing(holder.digest);
  if (entries === undefined) return { kind: "lost", why: `what \`${holder.path}\` holds is not there any more` };
  return entries.flatMap((entry): (StagedOutput | StagedLink)[] => {
    if (!selects(entry.path)) return [];
    const path = `${holder.path}/${entry.path}`;
    if ("link" in entry) return [{ kind: "link", path, target: entry.link }];
    return [{ kind: "store", path, entry: entry.x ? "executable" : "file", digest: entry.digest }];
  });
}
