import type { Input } from "../pipeline/pipeline.ts";
import type { KeyDocument } from "../key/key-document.ts";
import type { WorkStep } from "../plan/plan.ts";
import type { NearMiss } from "./run-record.ts";

const FILE_PATTERNS: readonly RegExp[] = [
  /No such file or directory: '([^'\n]+)'/g,
  /No such file or directory: "([^"\n]+)"/g,
  /['"‘]([^'"‘’\n]+)['"’](?: for \w+)?: No such file or directory/g,
  /ENOENT[^'\n]*'([^'\n]+)'/g,
  /Cannot find module '([^'\n]+)'/g,
  /(?:^|: )([^:\n]+): No such file or directory/gm,
  /cannot open (?:file )?['"`‘]([^'"`‘’\n]+)['"`’]/gi,
  /cannot open (?:file )?([\w./-]+)/gi,
  /can't open file '([^'\n]+)'/g,
];
const MODULE_PATTERN = /ModuleNotFoundError: No module named '([\w.]+)'/g;

/**
 * A path or module that a failed step named, that exists, and that is not among its inputs:
 * the message can then print the line that is missing (SEMANTICS §3).
 */
export function nearMiss(
  log: string,
  exists: (path: string) => { readonly step: string | null } | undefined,
  inputs: { readonly read: readonly string[]; readonly declared: readonly Input[] },
): NearMiss | undefined {
  const isInput = (path: string): boolean =>
    inputs.read.some((input) => path === input || path.startsWith(`${input}/`));
  for (const path of candidates(log)) {
    if (isInput(path)) continue;
    const found = exists(path);
    if (found !== undefined) {
      const declared = inputs.declared.filter(({ code }) => !code).map(itemOf);
      return { path, step: found.step, inputs: [...declared, flowItem(path)] };
    }
  }
  return undefined;
}

/** Where a path comes from, if at all: another step's output, or a file of the repository. */
export function pathsOf(
  steps: readonly { readonly name: string; readonly document: Pick<KeyDocument, "outputs"> }[],
  isFile: (path: string) => boolean,
): (path: string) => { readonly step: string | null } | undefined {
  const outputs = steps.flatMap(({ name, document }) => document.outputs.map((output) => [output.path, name] as const));
  return (path) => {
    const made = outputs.find(([output]) => path === output || path.startsWith(`${output}/`));
    if (made !== undefined) return { step: made[1] };
    return isFile(path) ? { step: null } : undefined;
  };
}

/** Inputs of a step as they were found, by path. */
export function readBy(inputs: WorkStep["inputs"]): readonly string[] {
  return inputs.map((input) => (input.kind === "output" ? input.path : input.entry.path));
}

function* candidates(log: string): Generator<string> {
  for (const pattern of FILE_PATTERNS) {
    for (const match of log.matchAll(pattern)) {
      const path = relative(match[1] ?? "");
      if (path !== undefined) yield path;
    }
  }
  for (const match of log.matchAll(MODULE_PATTERN)) {
    const path = (match[1] ?? "").replaceAll(".", "/");
    for (const root of ["", "src/", "lib/"]) {
      yield `${root}${path}.py`;
      yield `${root}${path}/__init__.py`;
    }
  }
}

/** A named path as the repository has it: below the workspace, without `./`. */
function relative(path: string): string | undefined {
  const inside = path
    .replace(/^.*\/(?:sluice|(?:slot|stranger|container|slurm|kubernetes)-[^/]+)\/workspace\//, "")
    .replace(/^\.\//, "");
  return inside.startsWith("/") || inside === "" || inside.includes("..") ? undefined : inside;
}

/** An input as it is written in a list. */
function itemOf(input: Input): string {
  switch (input.kind) {
    case "path":
    case "release":
      return flowItem(input.kind === "path" ? input.path : `release:${input.path}`);
    case "glob":
      return input.optional ? `{ glob: ${flowItem(input.glob)}, optional: true }` : flowItem(input.glob);
    case "exclude":
      return flowItem(`!${input.glob}`);
    case "dataset":
      return flowItem(`dataset:${input.dataset}`);
    case "step":
      return flowItem(`${input.step}:${input.path}`);
    default:
      return input satisfies never;
  }
}

/** A text as an item of a YAML list, quoted where it would be read as something else. */
export function flowItem(text: string): string {
  const plain = /^[\w./][\w./:@-]*$/.test(text) && /[A-Za-z_/]/.test(text) && !text.endsWith(":");
  const word = /^(true|false|null|yes|no|on|off|y|n)$/i.test(text) || /^[\d.]/.test(text);
  return plain && !word ? text : JSON.stringify(text);
}
