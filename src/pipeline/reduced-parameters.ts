import { globOf } from "./glob.ts";
import type { Step } from "./pipeline.ts";
import { problemAt, type ResolvedStep, type Resolving } from "./resolution.ts";

/**
 * A parameters file that is an input too: the step finds it reduced to the parameters that it lists (SEMANTICS §2), and runs
 * again for the others all the same, since the whole file is in its key.
 */
export function checkReducedParameters(resolving: Resolving, step: Step, inputs: ResolvedStep["inputs"]): void {
  if (step.params.length === 0) return;
  const files = resolving.pipeline.params.flatMap((from) => (from.kind === "file" ? [from.path] : []));
  for (const path of files) {
    const read = inputs.some(
      (input) =>
        (input.kind === "source" && input.path === path) ||
        (input.kind === "source-directory" && input.files.includes(path)),
    );
    const input = read ? step.inputs.find((one) => selects(one, path)) : undefined;
    if (input === undefined) continue;
    const [first = "", ...more] = step.params.map(({ name }) => `\`${name}\``);
    const listed = more.length > 2 ? `${first} and ${more.length} more` : [first, ...more].join(", ");
    problemAt(resolving, input.at, {
      severity: "warning",
      code: "reduced-parameters",
      message: `\`${step.name}\` finds only ${listed} in \`${path}\`, as its \`params:\` say, and runs again when anything else in it changes`,
      next: `${input.kind === "path" && input.path === path ? `take \`${path}\` off` : `leave it out with "!${path}" in`} \`${input.code ? "code" : "inputs"}:\` and list under \`params:\` all that it reads, or take its \`params:\` away to give it the whole file`,
    });
  }
}

function selects(input: Step["inputs"][number], path: string): boolean {
  if (input.kind === "path") return path === input.path || path.startsWith(`${input.path}/`);
  return input.kind === "glob" && globOf(input.glob)(path);
}
