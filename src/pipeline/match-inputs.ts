import picomatch from "picomatch";

import { byUtf8 } from "../identity/canonical-json.ts";
import { closest } from "../problem/suggest.ts";
import type { DeclaredOutput } from "./outputs.ts";
import type { Input, Step } from "./pipeline.ts";
import { problemAt, unknown, type InputMatch, type Resolving } from "./resolution.ts";

/** Every input of a step: files, directories, datasets and outputs of other steps, sorted, each path once. */
export function matchInputs(resolving: Resolving, step: Step): readonly InputMatch[] {
  const found = new Map<string, InputMatch>();
  const add = (matches: readonly InputMatch[]): void => {
    for (const match of matches) found.set(match.kind === "dataset" ? `dataset:${match.name}` : match.path, match);
  };
  for (const input of step.inputs) add(matchOne(resolving, step, input));
  const excluded = step.inputs.flatMap((input) =>
    input.kind === "exclude" ? [picomatch(input.glob, { dot: true })] : [],
  );
  return [...found.values()]
    .filter((match) => match.kind === "dataset" || !excluded.some((excludes) => excludes(match.path)))
    .sort((a, b) => byUtf8(pathOf(a), pathOf(b)));
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
      problemAt(resolving, input.at, {
        code: "submodule",
        message: `\`${path}\` is a git submodule, which is not in this version`,
        next: "copy what you need into the repository, or pin it as a dataset",
      });
      return [];
    }
    return [{ kind: "source", path }];
  }
  const files = resolving.tree.below(path).filter((below) => below.kind !== "submodule");
  if (files.length > 0) return [{ kind: "source-directory", path, files: files.map((below) => below.path) }];
  if (!input.optional) missing(resolving, input, path);
  return [];
}

function matchGlob(resolving: Resolving, step: Step, input: Extract<Input, { kind: "glob" }>): readonly InputMatch[] {
  const matches = picomatch(input.glob);
  const base = picomatch.scan(input.glob).base;
  const outputs = resolving.outputs.all.filter((output) => output.step !== step.name && matches(output.path));
  const files = resolving.tree
    .below(base === "." ? "" : base)
    .filter((file) => file.kind !== "submodule" && matches(file.path) && !covered(resolving.outputs.all, file.path));
  if (outputs.length === 0 && files.length === 0 && !input.optional) {
    problemAt(resolving, input.at, {
      code: "empty-glob",
      message: `\`${input.glob}\` matches no file and no output`,
      next: `correct it, or write { glob: "${input.glob}", optional: true }`,
    });
  }
  return [
    ...files.map((file): InputMatch => ({ kind: "source", path: file.path })),
    ...outputs.map((output): InputMatch => ({
      kind: "output",
      path: output.path,
      step: output.step,
      output: output.path,
    })),
  ];
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
