import { byUtf8 } from "../identity/canonical-json.ts";
import { shorten } from "../problem/shorten.ts";
import { closest } from "../problem/suggest.ts";
import { baseOf, globOf } from "./glob.ts";
import { follow, linksOf } from "./links.ts";
import { submoduleAround } from "./tree.ts";
import { covered, matchGlob } from "./match-glob.ts";
import { releaseName } from "./release-name.ts";
import { missing } from "./missing-input.ts";
import type { DeclaredOutput } from "./outputs.ts";
import type { Input, Step } from "./pipeline.ts";
import { problemAt, refuseSubmodule, unknown, type InputMatch, type Resolving } from "./resolution.ts";

/** Every input of a step: files, directories, datasets and outputs of other steps, sorted, each path once. */
export function matchInputs(resolving: Resolving, step: Step): readonly InputMatch[] {
  const found = new Map<string, InputMatch>();
  const add = (matches: readonly InputMatch[]): void => {
    for (const match of matches) found.set(match.kind === "dataset" ? `dataset:${match.name}` : match.path, match);
  };
  for (const input of step.inputs) {
    const matches = matchOne(resolving, step, input);
    add(matches);
    if (linksOf(resolving.tree).size > 0) add(linked(resolving, step, { input, matches, seen: new Set() }));
  }
  const excludes = exclusionOf(step);
  const matches = [...found.values()];
  refuseInnerExcludes(resolving, step, matches);
  return (excludes === undefined ? matches : matches.flatMap((match) => without(match, excludes))).sort((a, b) =>
    byUtf8(pathOf(a), pathOf(b)),
  );
}

type Excludes = (path: string) => boolean;

/** An exclude matches paths; one that names a directory takes all below with it. */
function exclusionOf(step: Step): Excludes | undefined {
  const excluded = step.inputs.flatMap((input): Excludes[] => {
    if (input.kind !== "exclude") return [];
    const matches = globOf(input.glob, { dot: true });
    return [(path) => matches(path) || path.startsWith(`${input.glob}/`)];
  });
  return excluded.length === 0 ? undefined : (path) => excluded.some((excludes) => excludes(path));
}

/** What an output directory will hold is chosen by saying what is wanted of it, not what is not. */
function refuseInnerExcludes(resolving: Resolving, step: Step, matches: readonly InputMatch[]): void {
  for (const input of step.inputs) {
    if (input.kind !== "exclude") continue;
    const base = baseOf(input.glob);
    const inside = matches.find(
      (match) =>
        match.kind === "output" &&
        (base.startsWith(`${match.output}/`) || (base === match.output && base !== input.glob)),
    );
    if (inside?.kind !== "output") continue;
    problemAt(resolving, input.at, {
      code: "exclude-in-output",
      message: `\`!${input.glob}\` would leave out files that \`${inside.step}\` has yet to write`,
      next: `say what is wanted of \`${inside.output}\` instead: single files, a directory or a glob in it`,
    });
  }
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
      return matchRelease(resolving, input);
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

/** An artifact of the released run; where nothing is being released yet, nobody can say which bytes it will be. */
function matchRelease(resolving: Resolving, input: Extract<Input, { kind: "release" }>): readonly InputMatch[] {
  const name = releaseName(input.path);
  const state = resolving.datasets.get(name);
  if (state?.kind === "ready") return [{ kind: "dataset", name, state }];
  if (state?.kind === "problem")
    problemAt(resolving, input.at, { code: "release-input", message: state.message, next: state.next });
  if (state === undefined)
    problemAt(resolving, input.at, {
      code: "release-input",
      message: `\`${name}\` can be read by deploy pipelines only`,
      next: "name the pipeline in an environment's `deploy:`, or read the file itself",
    });
  return [];
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
  if (below.length > 0) return [{ kind: "source-directory", path, files: below.map((one) => one.path) }];
  const within = submoduleAround(resolving.tree, path);
  if (within !== undefined) {
    refuseSubmodule(resolving, input, within);
    return [];
  }
  // A name that leads through a link: the link comes along, and what it leads to.
  const way = follow(resolving.tree, path);
  if (way.kind !== "inside" || way.links.length > 0)
    return way.kind === "inside"
      ? way.links.map((link) => ({ kind: "source", path: link }))
      : [{ kind: "source", path: way.link }];
  if (!input.optional) missing(resolving, input, path);
  return [];
}

interface Following {
  readonly input: Input;
  readonly matches: readonly InputMatch[];
  /** Links and paths that were followed already: two directories may hold links to each other. */
  readonly seen: Set<string>;
}

/** What the links among an input's matches lead to: a step reads through them, so all of it is an input too. */
function linked(resolving: Resolving, step: Step, following: Following): readonly InputMatch[] {
  const { input, matches, seen } = following;
  const links = linksOf(resolving.tree);
  const named: readonly Start[] = input.kind === "path" ? [{ path: input.path, holder: undefined }] : [];
  const found = matches.flatMap((match): readonly Start[] => {
    if (match.kind === "source") return links.has(match.path) ? [{ path: match.path, holder: undefined }] : [];
    if (match.kind !== "source-directory") return [];
    return match.files.flatMap((path) => (links.has(path) ? [{ path, holder: match.path }] : []));
  });
  return [...named, ...found].flatMap(({ path, holder }) => {
    if (seen.has(path)) return [];
    seen.add(path);
    return behind(resolving, step, { input, path, holder, seen });
  });
}

interface Start {
  readonly path: string;
  /** The directory input that a link lies in. */
  readonly holder: string | undefined;
}

function behind(
  resolving: Resolving,
  step: Step,
  { input, path, holder, seen }: Start & Pick<Following, "input" | "seen">,
): readonly InputMatch[] {
  const way = follow(resolving.tree, path);
  if (way.kind !== "inside" || (way.path === "" && way.links.length > 0)) {
    refuseLink(resolving, input, way.kind === "inside" ? { kind: "whole", link: path } : way);
    return [];
  }
  if (way.links.length === 0) return [];
  for (const link of way.links) seen.add(link);
  const held = (one: string): boolean => holder !== undefined && one.startsWith(`${holder}/`);
  const links = way.links.filter((link) => !held(link)).map((link): InputMatch => ({ kind: "source", path: link }));
  if (held(way.path)) return links;
  const end = { kind: "path" as const, path: way.path, at: input.at, optional: true, code: input.code };
  const matches = matchPath(resolving, step, end);
  if (matches.length === 0 && !input.optional) {
    problemAt(resolving, input.at, {
      code: "dangling-link",
      message: `\`${path}\` is a symbolic link to \`${way.path}\`, and nothing stands there`,
      next: `correct the link, or leave it out: "!${path}"`,
    });
  }
  return [...links, ...matches, ...linked(resolving, step, { input: end, matches, seen })];
}

function refuseLink(
  resolving: Resolving,
  input: Input,
  way: { readonly kind: "outside" | "endless" | "whole"; readonly link: string; readonly target?: string },
): void {
  const why = {
    outside: `leads to \`${shorten(way.target ?? "")}\`, outside the repository`,
    endless: "never arrives anywhere",
    whole: "leads to the whole repository",
  }[way.kind];
  problemAt(resolving, input.at, {
    code: "link-outside",
    message: `the symbolic link \`${way.link}\` ${why}`,
    next: "keep a copy in its place, or pin the data as a dataset",
  });
}
