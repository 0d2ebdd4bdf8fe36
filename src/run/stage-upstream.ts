import type { Digest } from "../identity/identity.ts";
import type { ListingEntry, StepResult } from "../key/key-document.ts";
import type { WorkInput } from "../plan/plan.ts";

/** Bytes of the store that a step finds at a path of its workspace. */
export interface StagedOutput {
  readonly kind: "store";
  readonly path: string;
  readonly entry: "file" | "executable" | "directory";
  readonly digest: Digest;
}

/** An upstream output as a step gets it: whole, or the selected part of a directory file by file. */
export function stageUpstream(
  input: Extract<WorkInput, { kind: "output" }>,
  result: StepResult | undefined,
  listing: (digest: Digest) => readonly ListingEntry[] | undefined,
): readonly StagedOutput[] {
  const outputs = result?.facts.outputs ?? [];
  const whole = outputs.find((output) => output.path === input.path);
  if (whole !== undefined) return [{ kind: "store", path: whole.path, entry: whole.kind, digest: whole.digest }];
  const holder = outputs.find((output) => input.path.startsWith(`${output.path}/`));
  if (holder === undefined) return [];
  const inside = input.path.slice(holder.path.length + 1);
  return (listing(holder.digest) ?? []).flatMap((entry): StagedOutput[] => {
    if ("link" in entry || (entry.path !== inside && !entry.path.startsWith(`${inside}/`))) return [];
    const path = `${holder.path}/${entry.path}`;
    return [{ kind: "store", path, entry: entry.x ? "executable" : "file", digest: entry.digest }];
  });
}
