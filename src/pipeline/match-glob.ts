import { baseOf, globOf, restsOf } from "./glob.ts";
import type { DeclaredOutput } from "./outputs.ts";
import { namingDataset } from "./missing-input.ts";
import type { Input, Step } from "./pipeline.ts";
import { submoduleAround } from "./tree.ts";
import { problemAt, refuseSubmodule, type GlobMatch, type InputMatch, type Resolving } from "./resolution.ts";

/** Files, outputs, and parts of output directories that a glob selects. */
export function matchGlob(
  resolving: Resolving,
  step: Step,
  input: Extract<Input, { kind: "glob" }>,
): readonly InputMatch[] {
  const { files, outputs, parts, submodule } = globbed(resolving, input.glob);
  if (submodule !== undefined) refuseSubmodule(resolving, input, submodule);
  const read = outputs.filter((output) => output.step !== step.name);
  const chosen = parts.filter(({ output, named }) => output.step !== step.name && (named || !input.code));
  if (read.length + chosen.length + files.length === 0 && submodule === undefined && !input.optional) {
    const base = baseOf(input.glob);
    const ignored = base !== "" && resolving.tree.below(base).length === 0 && resolving.tree.aside(base) === "ignored";
    problemAt(resolving, input.at, {
      code: "empty-glob",
      message: `\`${input.glob}\` matches no file and no output`,
      next: ignored
        ? `\`${base}\` is here but git ignores it: ${namingDataset(base)}`
        : `correct it, or write { glob: "${input.glob}", optional: true }`,
    });
  }
  return [
    ...files,
    ...read.map(({ path, step: producer }): InputMatch => ({ kind: "output", path, step: producer, output: path })),
    ...chosen.map(({ output, path }): InputMatch => ({ kind: "output", path, step: output.step, output: output.path })),
  ];
}

/** True when a path is one of these outputs or lies inside one. */
export function covered(outputs: readonly DeclaredOutput[], path: string): boolean {
  return outputs.some((output) => path === output.path || path.startsWith(`${output.path}/`));
}

function globbed(resolving: Resolving, glob: string): GlobMatch {
  const known = resolving.globs.get(glob);
  if (known !== undefined) return known;
  const matches = globOf(glob);
  const base = baseOf(glob);
  const files = resolving.tree
    .below(base)
    .filter(({ path }) => matches(path) && !covered(resolving.outputs.touching(path), path));
  const outputs = resolving.outputs.all.filter((output) => matches(output.path));
  const match: GlobMatch = {
    files: files.flatMap(({ kind, path }): InputMatch[] => (kind === "submodule" ? [] : [{ kind: "source", path }])),
    outputs,
    parts: resolving.outputs.all.flatMap((output) =>
      outputs.includes(output) ? [] : partsOf(glob, base, output).map((part) => ({ output, ...part })),
    ),
    submodule: files.find((file) => file.kind === "submodule")?.path ?? submoduleAround(resolving.tree, base),
  };
  resolving.globs.set(glob, match);
  return match;
}

/**
 * What a glob asks for inside an output directory. One that is named by the glob up to its first wildcard is meant for
 * certain; one that a wildcard reaches only when it is declared as a directory (every file would be waited for), and
 * never by `code:`, which is an input of every step.
 */
function partsOf(
  glob: string,
  base: string,
  output: DeclaredOutput,
): readonly { readonly path: string; readonly named: boolean }[] {
  if (base === output.path || base.startsWith(`${output.path}/`)) return [{ path: glob, named: true }];
  if (!output.directory) return [];
  return restsOf(glob, output.path).map((rest) => ({ path: `${output.path}/${rest}`, named: false }));
}
