import { problemAt, type InputMatch, type Resolving } from "./resolution.ts";
import type { Step } from "./pipeline.ts";

/** A checkpoint is neither read nor kept with the step: it may touch none of its inputs, and no output of any step. */
export function checkCheckpoint(resolving: Resolving, step: Step, inputs: readonly InputMatch[]): void {
  const { checkpoint } = step;
  if (checkpoint === null) return;
  const { path, at } = checkpoint;
  const output = resolving.outputs.touching(path)[0];
  const input = inputs
    .map((one) => (one.kind === "dataset" ? one.state.path : one.path))
    .find((one) => touch(one, path));
  if (output === undefined && input === undefined) return;
  const touched =
    output === undefined ? `the input \`${input ?? ""}\`` : `\`${output.path}\`, which \`${output.step}\` writes`;
  problemAt(resolving, at, {
    code: "overlapping-checkpoint",
    message: `checkpoint \`${path}\` of \`${step.name}\` overlaps ${touched}`,
    next: "name a directory of its own, such as `checkpoints`",
  });
}

function touch(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
}
