import picomatch from "picomatch";

import { byUtf8 } from "../identity/canonical-json.ts";
import { closest } from "../problem/suggest.ts";
import type { DeclaredOutput } from "./outputs.ts";
import type { Input, Step } from "./pipeline.ts";
import { problemAt, unknown, type GlobMatch, type InputMatch, type Resolving } from "./resolution.ts";

/** Every input of a step: files, directories, datasets and outputs of other steps, sorted, each path once. */
export function matchInputs(resolving: Resolving, step: Step): readonly InputMatch[] {
  const found = new Map<string, InputMatch>();
  const add = (matches: readonly InputMatch[]): void => {
    for (const match of matches) found.set(match.kind === "dataset" ? `dataset:${match.name}` : match.path, match);
  };
  for (const input of step.inputs) add(matchOne(resolving, step, input));
  const excludes = exclusionOf(step);
  const matches = [...found.values()];
  return (excludes === undefined ? matches : matches.flatMap((match) => without(match, excludes))).sort((a, b) =>
    byUtf8(pathOf(a), pathOf(b)),
  );
}

type Excludes = (path: string) => boolean;

/** An exclude matches paths; one that names a directory takes all below with it. */
function exclusionOf(step: Step): Excludes | undefined {
  const excluded = step.inputs.flatMap((input): Excludes[] => {
    if (input.kind !== "exclude") return [];
    const matches = picomatch(input.glob, { dot: true });
    return [(path) => matches(path) || path.startsWith(`${input.glob}/`)];
  });
  return excluded.length === 0 ? undefined : (path) => excluded.some((excludes) => excludes(path));
}

/** A directory of the repository loses its excluded files, and goes with the last of them. */
function without(match: InputMatch, excludes: Excludes): readonly InputMatch[] {
  if (match.kind === "dataset") return [match];
  if (excludes(match.path)) return [];
  if (match.kind !== "source-directory") return [match];
  const files = match.files.filter((file) => !excludes(file));
  return files.length === 0 ? [] : [{ ...match, files }];
}

export function pathOf(match: InputMatch): string {
  return match.kind === "dataset" ? match.state.path : match.path;
}

function matchOne(resolving: Resolving, step: Step, input: Input): readonly InputMatch[] {
  switch (input.kind) {
    case "exclude":
      return [];
    case "dataset":
      return matchDataset(resolving, input);
    case "release":
      problemAt(resolving, input.at, {
        code: "release-input",
        message: `\`release:${input.path}\` can be read by deploy pipelines only`,
        next: "name the pipeline in an environment's `deploy:`, or read the file itself",
      });
      return [];
    case "step":
      return matchStep(resolving, input);
    case "glob":
      return matchGlob(resolving, step, input);
    case "path":
      return matchPath(resolving, step, input);
    default:
      return input satisfies never;
  }
}

function matchDataset(resolving: Resolving, input: Extract<Input, { kind: "dataset" }>): readonly InputMatch[] {
  const state = resolving.datasets.get(input.dataset);
  if (state === undefined) {
    unknown(resolving, input.at, { what: "dataset", name: input.dataset, known: resolving.datasets.keys() });
    return [];
  }
  switch (state.kind) {
    case "ready":
      return [{ kind: "dataset", name: input.dataset, state }];
    case "absent":
      return [];
    case "problem":
      problemAt(resolving, input.at, {
        code: "dataset",
        message: `dataset \`${input.dataset}\`: ${state.message}`,
        next: state.next,
      });
      return [];
    case "git":
      return fromRepository(resolving, input, state.path);
    default:
      return state satisfies never;
  }
}

function matchStep(resolving: Resolving, input: Extract<Input, { kind: "step" }>): readonly InputMatch[] {
  if (!resolving.steps.has(input.step)) {
    unknown(resolving, input.at, { what: "step", name: input.step, known: resolving.steps.keys() });
    return [];
  }
  const outputs = resolving.outputs.touching(input.path).filter((output) => output.step === input.step);
  if (outputs.length === 0) {
    const own = resolving.outputs.all.filter((output) => output.step === input.step).map((output) => output.path);
    const meant = closest(input.path, own) ?? own[0];
    problemAt(resolving, input.at, {
      code: "missing-input",
      message: `\`${input.step}\` does not write \`${input.path}\``,
      next: meant === undefined ? `\`${input.step}\` declares no outputs` : `did you mean \`${input.step}:${meant}\`?`,
    });
  }
  return outputs.map((output) => selected(output, input.path));
}

/** The part of an output that an input asks for: all of it when the input lies above. */
function selected(output: DeclaredOutput, path: string): InputMatch {
  const part = path.length > output.path.length ? path : output.path;
  return { kind: "output", path: part, step: output.step, output: output.path };
}

function matchPath(resolving: Resolving, step: Step, input: Extract<Input, { kind: "path" }>): readonly InputMatch[] {
  const outputs = resolving.outputs.touching(input.path);
  const own = outputs.find((output) => output.step === step.name);
  if (own !== undefined) {
    problemAt(resolving, input.at, {
      code: "cycle",
      message: `these steps wait for each other: ${step.name} → ${step.name} (\`${own.path}\` is its own output)`,
      next: "a step cannot read what it writes: remove this input",
    });
    return [];
  }
  if (outputs.length === 0) return fromRepository(resolving, input, input.path);
  const tracked = resolving.tree.below(input.path).filter((file) => file.tracked && !covered(outputs, file.path));
  const file = resolving.tree.get(input.path);
  if (tracked.length > 0 || (file?.tracked === true && outputs[0]?.path !== input.path)) {
    problemAt(resolving, input.at, {
      code: "mixed-directory",
      message: `\`${input.path}\` holds files of git and outputs of \`${outputs[0]?.step ?? ""}\``,
      next: "read them as two inputs from two directories",
    });
    return [];
  }
  return outputs.map((output) => selected(output, input.path));
}

function covered(outputs: readonly DeclaredOutput[], path: string): boolean {
  return outputs.some((output) => path === output.path || path.startsWith(`${output.path}/`));
}

function fromRepository(resolving: Resolving, input: Input, path: string): readonly InputMatch[] {
  const file = resolving.tree.get(path);
  if (file !== undefined) {
    if (file.kind === "submodule") {
      refuseSubmodule(resolving, input, path);
      return [];
    }
    return [{ kind: "source", path }];
  }
  const below = resolving.tree.below(path);
  const submodule = below.find((one) => one.kind === "submodule");
  if (submodule !== undefined) {
    refuseSubmodule(resolving, input, submodule.path);
    return [];
  }
  const files = below;
  if (files.length > 0) return [{ kind: "source-directory", path, files: files.map((one) => one.path) }];
  if (!input.optional) missing(resolving, input, path);
  return [];
}

function refuseSubmodule(resolving: Resolving, input: Input, path: string): void {
  problemAt(resolving, input.at, {
    code: "submodule",
    message: `\`${path}\` is a git submodule, which is not in this version`,
    next: "copy what you need into the repository, or pin it as a dataset",
  });
}

function matchGlob(resolving: Resolving, step: Step, input: Extract<Input, { kind: "glob" }>): readonly InputMatch[] {
  const { files, outputs, submodule } = globbed(resolving, input.glob);
  if (submodule !== undefined) refuseSubmodule(resolving, input, submodule);
  const read = outputs.filter((output) => output.step !== step.name);
  const holder = read.length === 0 ? holderOf(resolving, step, input.glob) : undefined;
  if (holder !== undefined) {
    const { base } = picomatch.scan(input.glob);
    problemAt(resolving, input.at, {
      code: "glob-in-output",
      message: `\`${input.glob}\` would choose among files that \`${holder.step}\` has yet to write`,
      next: `\`${holder.path}\` is an output of \`${holder.step}\`: read \`${base}/\`, or single files in it`,
    });
    return [];
  }
  if (read.length === 0 && files.length === 0 && submodule === undefined && !input.optional) {
    problemAt(resolving, input.at, {
      code: "empty-glob",
      message: `\`${input.glob}\` matches no file and no output`,
      next: `correct it, or write { glob: "${input.glob}", optional: true }`,
    });
  }
  return [
    ...files,
    ...read.map(({ path, step: producer }): InputMatch => ({ kind: "output", path, step: producer, output: path })),
  ];
}

function globbed(resolving: Resolving, glob: string): GlobMatch {
  const known = resolving.globs.get(glob);
  if (known !== undefined) return known;
  const matches = picomatch(glob);
  const { base } = picomatch.scan(glob);
  const files = resolving.tree
    .below(base === "." ? "" : base)
    .filter(({ path }) => matches(path) && !covered(resolving.outputs.touching(path), path));
  const match: GlobMatch = {
    files: files.flatMap(({ kind, path }): InputMatch[] => (kind === "submodule" ? [] : [{ kind: "source", path }])),
    outputs: resolving.outputs.all.filter((output) => matches(output.path)),
    submodule: files.find((file) => file.kind === "submodule")?.path,
  };
  resolving.globs.set(glob, match);
  return match;
}

/** Which files an output directory will hold is not known before it is made: a glob cannot choose among them. */
function holderOf(resolving: Resolving, step: Step, glob: string): DeclaredOutput | undefined {
  const { base } = picomatch.scan(glob);
  return resolving.outputs
    .touching(base)
    .find((output) => output.step !== step.name && (base === output.path || base.startsWith(`${output.path}/`)));
}

function missing(resolving: Resolving, input: Input, path: string): void {
  const outputs = resolving.outputs.all;
  const output =
    closest(
      path,
      outputs.map((candidate) => candidate.path),
    ) ??
    sameName(
      path,
      outputs.map((candidate) => candidate.path),
    );
  const producer = outputs.find((candidate) => candidate.path === output);
  const files = resolving.tree.files.map((file) => file.path);
  const near = closest(path, files) ?? sameName(path, files);
  const next =
    producer !== undefined
      ? `did you mean \`${producer.path}\` (from \`${producer.step}\`)?`
      : near !== undefined
        ? `did you mean \`${near}\`?`
        : `create \`${path}\`, or declare it as the output of a step`;
  problemAt(resolving, input.at, {
    code: "missing-input",
    message: `\`${path}\` is neither a file of the repository nor an output of a step`,
    next,
  });
}

/** A path with the same last part: the most common slip is the directory. */
function sameName(path: string, candidates: readonly string[]): string | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return candidates.find((candidate) => candidate.slice(candidate.lastIndexOf("/") + 1) === name);
}
