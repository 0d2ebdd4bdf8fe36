import type { Problem } from "../problem/problem.ts";
import { closest } from "../problem/suggest.ts";
import type { Pipeline, Span, Step } from "./pipeline.ts";
import type { Settings } from "./settings.ts";

const known = new WeakMap<Pipeline, Pipeline>();

/**
 * A pipeline that environments name in `deploy:`: releases alone start it, each of its steps changes the outside world,
 * and none is begun again after a loss, because nobody knows how far the lost attempt came (SEMANTICS §11).
 */
export function deployPipeline(pipeline: Pipeline): Pipeline {
  const made = known.get(pipeline) ?? {
    ...pipeline,
    triggers: { push: false, pullRequest: false, schedule: [], upstream: [] },
    steps: pipeline.steps.map(deployStep),
  };
  // The same object for the same pipeline: plans are remembered by it.
  known.set(pipeline, made);
  return made;
}

function deployStep(step: Step): Step {
  const { retry } = step;
  return { ...step, effects: true, retry: { ...retry, on: retry.on.filter((reason) => reason !== "lost") } };
}

/** Artifacts of a release that a pipeline reads, each once. */
export function releasedPaths({ steps }: Pipeline): readonly string[] {
  const paths = steps.flatMap(({ inputs }) => inputs.flatMap((input) => (input.kind === "release" ? input.path : [])));
  return [...new Set(paths)];
}

/** `on:` in a pipeline that only releases start would promise what never happens. */
export function triggerProblems({ path, on }: Pipeline, deploys: readonly string[]): readonly Problem[] {
  if (on === null) return [];
  const names = deploys.map((name) => `\`${name}\``).join(", ");
  return [
    {
      severity: "error",
      code: "deploy-triggers",
      at: placeOf(path, on),
      message: `this pipeline deploys ${names}, so releases alone start it, and it has an \`on:\``,
      next: "remove `on:`, or name another pipeline in `deploy:`",
    },
  ];
}

/** Every `deploy:` has to name a file that `pipelines:` selects. */
export function missingDeploys(
  { environments, places, pipelines }: Settings,
  files: {
    readonly settingsPath: string;
    readonly there: ReadonlySet<string>;
    readonly selected: ReadonlySet<string>;
  },
): readonly Problem[] {
  return environments.flatMap(({ name, deploy }): Problem[] => {
    if (deploy === null || files.selected.has(deploy)) return [];
    const meant = closest(deploy, [...files.selected]);
    const there = files.there.has(deploy);
    return [
      {
        severity: "error",
        code: "missing-deploy",
        at: placeOf(files.settingsPath, places[`environments.${name}.deploy`] ?? [1, 1, 1, 1]),
        message: there
          ? `\`${name}\` is deployed by \`${deploy}\`, which \`pipelines: ${pipelines}\` does not select`
          : `\`${name}\` is deployed by \`${deploy}\`, which does not exist`,
        next: there
          ? "move it to where the other pipelines are"
          : meant === undefined
            ? `create ${deploy}, or remove \`deploy:\``
            : `did you mean \`${meant}\`?`,
      },
    ];
  });
}

function placeOf(path: string, [line, column, endLine, endColumn]: Span): Problem["at"] {
  return { path, line, column, end: { line: endLine, column: endColumn } };
}
