import { flowItem } from "../pipeline/flow-item.ts";
import { datasetName } from "../pipeline/missing-input.ts";
import type { Dataset, Input } from "../pipeline/pipeline.ts";
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

/** Where something that a log names comes from: a step, the files of git, or data beside them. */
export type Whereabouts = Pick<NearMiss, "step" | "dataset" | "environment">;

/**
 * A path or module that a failed step named, that exists, and that is not among its inputs:
 * the message can then print the line that is missing (SEMANTICS §3).
 */
export function nearMiss(
  log: string,
  exists: (path: string) => Whereabouts | undefined,
  inputs: {
    readonly read: readonly string[];
    readonly declared: readonly Input[];
    /** Where the repository stands on this machine: a log may name its files in full. */
    readonly root?: string;
  },
): NearMiss | undefined {
  const isInput = (path: string): boolean =>
    inputs.read.some((input) => path === input || path.startsWith(`${input}/`));
  for (const path of candidates(log, inputs.root)) {
    const found = exists(path);
    // What git ignores is missing from a directory that is an input too.
    if (isInput(path) && (found?.dataset === undefined || inputs.read.includes(path))) continue;
    if (found !== undefined) {
      const declared = inputs.declared.filter(({ code }) => !code).map(itemOf);
      const { step, dataset, environment } = found;
      const item = flowItem(dataset === undefined ? path : `dataset:${dataset.name}`);
      return {
        path,
        step,
        inputs: [...declared, item],
        ...(dataset === undefined ? {} : { dataset }),
        ...(environment === undefined ? {} : { environment }),
      };
    }
  }
  return undefined;
}

/** Where a path comes from, if at all: another step's output, a file of the repository, or one that git ignores. */
export function pathsOf(
  steps: readonly { readonly name: string; readonly document: Pick<KeyDocument, "outputs"> }[],
  isFile: (path: string) => boolean,
  beside?: { readonly datasets: readonly Dataset[]; readonly isIgnored: (path: string) => boolean },
): (path: string) => Whereabouts | undefined {
  const outputs = steps.flatMap(({ name, document }) => document.outputs.map((output) => [output.path, name] as const));
  return (path) => {
    const made = outputs.find(([output]) => path === output || path.startsWith(`${output}/`));
    if (made !== undefined) return { step: made[1] };
    const environment = environmentOf(path, (one) => isFile(one) || beside?.isIgnored(one) === true);
    if (environment !== undefined) return { step: null, environment };
    if (isFile(path)) return { step: null };
    if (beside === undefined || TOOLS.test(path) || !beside.isIgnored(path)) return undefined;
    const named = beside.datasets.find(
      (dataset) => dataset.kind === "path" && (path === dataset.path || path.startsWith(`${dataset.path}/`)),
    );
    return { step: null, dataset: { name: named?.name ?? datasetName(path), declared: named !== undefined } };
  };
}

/** A step gets no part of an environment, only all of it: as an input it would be copied, and its programs would not find it. */
function environmentOf(path: string, stands: (path: string) => boolean): NearMiss["environment"] {
  const [, before = "", modules] = /^((?:.*\/)?)node_modules\/(.+)$/.exec(path) ?? [];
  if (modules !== undefined)
    return stands(path)
      ? {
          written: `{ node: ${flowItem(`${before}package-lock.json`)} }`,
          program: /^\.bin\/([^/]+)$/.exec(modules)?.[1] ?? null,
        }
      : undefined;
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
    const above = path.slice(0, end);
    if (!stands(`${above}/pyvenv.cfg`)) continue;
    const program = /^bin\/([^/]+)$/.exec(path.slice(end + 1))?.[1] ?? null;
    return {
      written: `{ venv: ${/^\.[A-Za-z][\w./-]*$/.test(above) ? above : flowItem(above)}, lock: requirements.txt }`,
      program,
    };
  }
  return undefined;
}

/** What tools keep for themselves is ignored for good reason. */
const TOOLS = /(?:^|\/)(?:\.|node_modules\/|__pycache__\/|venv\/)/;

/** Inputs of a step as they were found, by path. */
export function readBy(inputs: WorkStep["inputs"]): readonly string[] {
  return inputs.map((input) => (input.kind === "output" ? input.path : input.entry.path));
}

function* candidates(log: string, root: string | undefined): Generator<string> {
  for (const pattern of FILE_PATTERNS) {
    for (const match of log.matchAll(pattern)) {
      const path = relative(match[1] ?? "", root);
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

/** A named path as the repository has it: below the workspace or the work tree, without `./` and ways out of a directory of its own. */
function relative(path: string, root: string | undefined): string | undefined {
  const named = root !== undefined && path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
  const inside = named
    .replace(/^.*\/(?:sluice|(?:slot|stranger|container|slurm|kubernetes)-[^/]+)\/workspace\//, "")
    .replace(/^(?:\.{1,2}\/)+/, "");
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
