import type { Problem } from "../problem/problem.ts";
import type { Pipeline, Span } from "./pipeline.ts";
import { foldedFiles, foldedPath, type Tree } from "./tree.ts";

export interface DeclaredOutput {
  readonly path: string;
  readonly step: string;
  readonly directory: boolean;
  readonly at: Span;
  /** Metric and plot files are small and may be tracked. */
  readonly kind: "output" | "metric" | "plot";
}

/** Every path that a step of the pipeline writes. */
export interface Outputs {
  readonly all: readonly DeclaredOutput[];
  /** Outputs equal to, above or below a path. */
  touching(path: string): readonly DeclaredOutput[];
}

/** Collects declared outputs and reports two producers, overlaps and tracked outputs at the later one. */
export function declareOutputs(pipeline: Pipeline, tree: Tree, problems: Problem[]): Outputs {
  const report = (
    at: Span,
    code: string,
    message: string,
    next: string,
    severity: Problem["severity"] = "error",
  ): void => {
    problems.push({
      severity,
      code,
      at: { path: pipeline.path, line: at[0], column: at[1], end: { line: at[2], column: at[3] } },
      message,
      next,
    });
  };
  const all: DeclaredOutput[] = [];
  const byPath = new Map<string, DeclaredOutput>();
  /** Directories that lie above some output, with one output below each. */
  const above = new Map<string, DeclaredOutput>();
  const folded = new Map<string, string>();
  for (const output of declaredOutputs(pipeline)) {
    const same = byPath.get(output.path);
    if (same !== undefined) {
      if (same.step !== output.step)
        report(
          output.at,
          "two-producers",
          `\`${output.path}\` is written by \`${same.step}\` too`,
          "let one step write it",
        );
      else if (same.kind === output.kind)
        report(output.at, "duplicate-output", `\`${output.path}\` is listed twice`, "remove one");
      continue;
    }
    const holder = firstAbove(byPath, output.path) ?? above.get(output.path);
    if (
      holder !== undefined &&
      !(holder.step === output.step && (output.kind !== "output" || holder.kind !== "output"))
    ) {
      report(
        output.at,
        "overlapping-outputs",
        `\`${output.path}\` overlaps \`${holder.path}\` of \`${holder.step}\``,
        "declare outputs that lie apart",
      );
      continue;
    }
    // A metric inside an output of its own step is part of that output (SEMANTICS §3).
    if (holder?.step === output.step && holder.kind === "output" && output.kind !== "output") continue;
    byPath.set(output.path, output);
    for (const parent of parents(output.path)) if (!above.has(parent)) above.set(parent, output);
    all.push(output);
    const other = spelledOtherwise(folded, output.path) ?? otherFile(tree, output.path);
    if (other !== undefined)
      report(
        output.at,
        "case-collision",
        `some file systems cannot tell \`${output.path}\` from \`${other}\``,
        "choose a name that differs in more than case",
      );
    checkTracked(output, tree, report);
  }
  return { all, touching: (path) => touching(byPath, { above, all }, path) };
}

/** Every path that the steps of a pipeline say they write, in the order of the file. */
export function* declaredOutputs(pipeline: Pipeline): Generator<DeclaredOutput> {
  for (const step of pipeline.steps) {
    for (const output of step.outputs)
      yield { path: output.path, step: step.name, directory: output.directory, at: output.at, kind: "output" };
    for (const metric of step.metrics)
      yield { path: metric.path, step: step.name, directory: false, at: metric.at, kind: "metric" };
    for (const plot of step.plots) {
      for (const { path } of plot.series) yield { path, step: step.name, directory: false, at: plot.at, kind: "plot" };
    }
  }
}

function checkTracked(
  output: DeclaredOutput,
  tree: Tree,
  report: (at: Span, code: string, message: string, next: string, severity?: Problem["severity"]) => void,
): void {
  const file = tree.get(output.path);
  const tracked = file?.tracked === true ? file : tree.below(output.path).find((below) => below.tracked);
  if (tracked === undefined) return;
  if (output.kind === "output") {
    report(
      output.at,
      "tracked-output",
      `output \`${output.path}\` is tracked by git`,
      `git rm -r --cached ${output.path}`,
    );
  } else {
    report(
      output.at,
      "tracked-output",
      `${output.kind} file \`${output.path}\` is tracked by git: every run will change it in the work tree`,
      `git rm --cached ${output.path}`,
      "warning",
    );
  }
}

/** A path or folder of an earlier output that differs from this one's in case alone. */
function spelledOtherwise(folded: Map<string, string>, path: string): string | undefined {
  let other: string | undefined;
  for (const part of [path, ...parents(path)]) {
    const known = folded.get(foldedPath(part));
    if (known === undefined) folded.set(foldedPath(part), part);
    else if (known !== part) other ??= known;
  }
  return other;
}

function otherFile(tree: Tree, path: string): string | undefined {
  const file = foldedFiles(tree).get(foldedPath(path));
  return file === undefined || file === path || tree.get(path) !== undefined ? undefined : file;
}

function* parents(path: string): Generator<string> {
  for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1))
    yield path.slice(0, slash);
}

function firstAbove(byPath: ReadonlyMap<string, DeclaredOutput>, path: string): DeclaredOutput | undefined {
  for (const parent of parents(path)) {
    const output = byPath.get(parent);
    if (output !== undefined) return output;
  }
  return undefined;
}

function touching(
  byPath: ReadonlyMap<string, DeclaredOutput>,
  { above, all }: { readonly above: ReadonlyMap<string, DeclaredOutput>; readonly all: readonly DeclaredOutput[] },
  path: string,
): readonly DeclaredOutput[] {
  const same = byPath.get(path);
  if (same !== undefined) return [same];
  const holder = firstAbove(byPath, path);
  if (holder !== undefined) return [holder];
  return above.has(path) ? all.filter((output) => output.path.startsWith(`${path}/`)) : [];
}
