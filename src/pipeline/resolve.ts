import type { Problem } from "../problem/problem.ts";
import { checkCheckpoint } from "./checkpoint.ts";
import { sortTopologically } from "./graph.ts";
import { matchInputs } from "./match-inputs.ts";
import { restoring } from "./missing-input.ts";
import { declareOutputs } from "./outputs.ts";
import { parameterNames, selectParameter } from "./parameters.ts";
import type { Step } from "./pipeline.ts";
import { checkReducedParameters } from "./reduced-parameters.ts";
import { collisionsOf } from "./tree.ts";
import {
  problemAt,
  unknown,
  type Resolution,
  type ResolvedStep,
  type ResolveInput,
  type Resolving,
} from "./resolution.ts";

/** Finds every input's file or producer and orders the steps; a pure function of the pipeline and the files. */
export function resolvePipeline(input: ResolveInput): Resolution {
  const problems: Problem[] = [];
  const { pipeline } = input;
  const outputs = declareOutputs(pipeline, input.tree, problems);
  const resolving: Resolving = {
    ...input,
    outputs,
    problems,
    globs: new Map(),
    steps: new Map(pipeline.steps.map((step) => [step.name, step])),
  };
  const resolved = pipeline.steps.map((step) => resolveStep(resolving, step));
  checkMetrics(resolving);
  const sorted = sortTopologically(resolved, (cycle) => reportCycle(resolving, resolved, cycle));
  return { pipeline, params: input.params, problems: once(problems), steps: sorted, sources: sourcesOf(resolved) };
}

/** What stands once, such as `code:`, and is wrong for every step is told once. */
function once(problems: readonly Problem[]): readonly Problem[] {
  const told = new Set<string>();
  return problems.filter(({ at, message }) => {
    const what = `${at.line}:${at.column} ${message}`;
    return !told.has(what) && told.add(what);
  });
}

function resolveStep(resolving: Resolving, step: Step): ResolvedStep {
  const inputs = matchInputs(resolving, step);
  const after = new Set<string>();
  for (const input of inputs) if (input.kind === "output") after.add(input.step);
  for (const { step: name, at } of step.needs) {
    if (resolving.steps.has(name)) after.add(name);
    else unknown(resolving, at, { what: "step", name, known: resolving.steps.keys() });
  }
  for (const { name, at } of step.params) {
    if (selectParameter(resolving.params, name) !== undefined) continue;
    unknown(resolving, at, { what: "parameter", name, known: parameterNames(resolving.params) });
  }
  checkLock(resolving, step);
  checkCheckpoint(resolving, step, inputs);
  checkReducedParameters(resolving, step, inputs);
  checkCollisions(resolving, step, inputs);
  return { step, inputs, after: [...after] };
}

/** Of two files whose paths differ only in case a workspace on some file systems would hold one (SEMANTICS §1). */
function checkCollisions(resolving: Resolving, step: Step, inputs: ResolvedStep["inputs"]): void {
  const collisions = collisionsOf(resolving.tree);
  if (collisions.size === 0) return;
  const read = new Set(
    inputs.flatMap((input) =>
      input.kind === "source" ? [input.path] : input.kind === "source-directory" ? input.files : [],
    ),
  );
  for (const path of read) {
    const other = collisions.get(path);
    if (other === undefined || (read.has(other) && other > path)) continue;
    problemAt(resolving, step.at, {
      code: "case-collision",
      message: `\`${step.name}\` reads \`${path}\`, which some file systems cannot tell from \`${other}\``,
      next: `git mv one of them to a name that differs in more than case`,
    });
  }
}

/** Without its lock file an environment would pass for pinned and be keyed as unpinned. */
function checkLock(resolving: Resolving, { environment, environmentAt, at }: Step): void {
  if (!("lock" in environment) || environment.lock === null || resolving.tree.get(environment.lock) !== undefined)
    return;
  problemAt(resolving, environmentAt ?? at, {
    code: "missing-lock",
    message: `the lock file \`${environment.lock}\` of this environment is not in the repository`,
    next:
      resolving.tree.aside(environment.lock) === "deleted"
        ? restoring(environment.lock)
        : `create \`${environment.lock}\`, or correct \`environment:\``,
  });
}

function checkMetrics(resolving: Resolving): void {
  for (const metric of resolving.pipeline.metrics) {
    const step = resolving.steps.get(metric.step);
    if (step === undefined)
      unknown(resolving, metric.at, { what: "step", name: metric.step, known: resolving.steps.keys() });
    else if (step.metrics.length === 0) {
      problemAt(resolving, metric.at, {
        code: "no-metrics-file",
        message: `metric \`${metric.name}\` is read from \`${metric.step}\`, which declares no \`metrics:\` file`,
        next: `add \`metrics: [<file>]\` to \`${metric.step}\``,
      });
    }
  }
}

/** A cycle is told at the first input in file order that lies on it, with the whole of it spelled out. */
function reportCycle(resolving: Resolving, resolved: readonly ResolvedStep[], cycle: readonly string[]): void {
  const on = new Set(cycle);
  const first = resolved.find((candidate) => on.has(candidate.step.name));
  const name = first?.step.name ?? cycle[0] ?? "";
  const turn = cycle.indexOf(name);
  const spelled = [...cycle.slice(turn), ...cycle.slice(0, turn), name];
  const before = spelled.at(-2) ?? name;
  const places = [
    ...(first?.step.inputs ?? [])
      .filter((input) => producersOf(resolving, input).includes(before))
      .map((input) => input.at),
    ...(first?.step.needs ?? []).filter((need) => need.step === before).map((need) => need.at),
  ].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  problemAt(resolving, places[0] ?? first?.step.at ?? [1, 1, 1, 1], {
    code: "cycle",
    message: `these steps wait for each other: ${spelled.join(" → ")}`,
    next: "remove one of these inputs or `needs`",
  });
}

function producersOf(resolving: Resolving, input: Step["inputs"][number]): readonly string[] {
  if (input.kind === "step") return [input.step];
  if (input.kind === "path") return resolving.outputs.touching(input.path).map((output) => output.step);
  if (input.kind === "glob") {
    const match = resolving.globs.get(input.glob);
    return [...(match?.outputs ?? []), ...(match?.parts ?? []).map(({ output }) => output)].map(({ step }) => step);
  }
  return [];
}

function sourcesOf(steps: readonly ResolvedStep[]): readonly string[] {
  const paths = new Set<string>();
  for (const { step, inputs } of steps) {
    for (const input of inputs) {
      if (input.kind === "source") paths.add(input.path);
      else if (input.kind === "source-directory") for (const file of input.files) paths.add(file);
    }
    const { environment } = step;
    if ("lock" in environment && environment.lock !== null) paths.add(environment.lock);
  }
  return [...paths].sort();
}
