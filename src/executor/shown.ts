import type { AttemptOrder, Shown, StagedInput } from "./executor.ts";

/** What stands elsewhere and is seen in the workspace: data in place, and the checkpoint. */
export function shownIn(order: Pick<AttemptOrder, "inputs">): readonly Shown[] {
  return order.inputs.flatMap((input) =>
    isShown(input) ? [{ source: input.source, path: input.path, writable: input.kind === "checkpoint" }] : [],
  );
}

export function isShown(input: StagedInput): input is Extract<StagedInput, { kind: "in-place" | "checkpoint" }> {
  return input.kind === "in-place" || input.kind === "checkpoint";
}
