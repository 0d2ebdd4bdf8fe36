import type { Digest } from "../identity/identity.ts";
import type { ListingEntry, OutputRecord } from "../key/key-document.ts";
import { closest } from "../problem/suggest.ts";
import type { OutputPin } from "../run/request.ts";
import type { RunRecord } from "../run/run-record.ts";

export type Artifact =
  | { readonly kind: "found"; readonly pin: OutputPin }
  | { readonly kind: "problem"; readonly message: string; readonly next: string };

/** What a run wrote at a path: a declared output, or one file inside a directory that is one. */
export function artifactOf(
  record: RunRecord,
  path: string,
  listing: (digest: Digest) => readonly ListingEntry[] | undefined,
): Artifact {
  const outputs = outputsOf(record.steps);
  const whole = outputs.find((output) => output.path === path);
  if (whole !== undefined) return found(record, { ...whole, entry: whole.kind });
  const holder = outputs.find((output) => path.startsWith(`${output.path}/`));
  if (holder === undefined) return absent(record, path, outputs);
  const entries = listing(holder.digest) ?? [];
  const inside = entries.find((entry) => `${holder.path}/${entry.path}` === path);
  if (inside === undefined || "link" in inside)
    return {
      kind: "problem",
      message: `run ${record.id} of \`${record.pipeline.name}\` has no file \`${path}\` in \`${holder.path}\``,
      next: `name a file in it, or all of it: \`release:${holder.path}\``,
    };
  return found(record, { ...inside, entry: inside.x ? "executable" : "file" });
}

/** Everything that steps wrote or took from earlier runs. */
export function outputsOf(steps: RunRecord["steps"]): readonly OutputRecord[] {
  return steps.flatMap(({ outcome }) =>
    outcome.kind === "succeeded" || outcome.kind === "cached" ? outcome.facts.outputs : [],
  );
}

function found({ id }: RunRecord, { entry, digest, size }: Pick<OutputPin, "entry" | "digest" | "size">): Artifact {
  return { kind: "found", pin: { run: id, entry, digest, size } };
}

function absent({ id, pipeline }: RunRecord, path: string, outputs: readonly OutputRecord[]): Artifact {
  const names = outputs.map((output) => output.path);
  const meant = closest(path, names);
  return {
    kind: "problem",
    message: `run ${id} of \`${pipeline.name}\` did not write \`${path}\``,
    next: meant === undefined ? `it wrote: ${names.join(", ") || "nothing"}` : `did you mean \`release:${meant}\`?`,
  };
}
