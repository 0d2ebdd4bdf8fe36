import type { JsonObject } from "../identity/canonical-json.ts";
import { isError, type Problem } from "../problem/problem.ts";
import { checkAgainstSchema, type StandIn } from "./check-schema.ts";
import { cleanPath, refusePath } from "./path-problem.ts";
import { mergeDefaults } from "./merge-defaults.ts";
import { normalizeStep, type StepFrame } from "./normalize-step.ts";
import { parameterWarnings } from "./parameter-warnings.ts";
import type { ParsedPipeline, Source } from "./parsed.ts";
import type { Dataset, MetricSpec, ParameterSource, Pipeline, Schedule, Span, Triggers } from "./pipeline.ts";
import { report, type Reading } from "./reading.ts";
import { checkTemplatePlaces } from "./template-problems.ts";
import { NAME_MAX, pipelineSchema, type RawPipeline } from "./schema.ts";
import { checkSchedules } from "./schedule-problems.ts";
import { checkGlobs } from "./glob-problems.ts";
import { wholeness } from "./wholeness.ts";
import { readYaml } from "./read-yaml.ts";

const STAND_INS: readonly StandIn[] = [
  { path: ["version"], value: 1 },
  { path: ["steps"], value: { removed: { run: "removed" } } },
  { path: ["steps", "*"], value: { run: "removed" } },
  { path: ["steps", "*", "run"], value: "removed" },
];

/** Parses one pipeline file; never throws, whatever the bytes are. */
export function parsePipeline(source: Source): ParsedPipeline {
  const { yaml, problems } = readYaml(source);
  if (yaml === null) return { value: null, rest: null, problems };
  if (yaml.value === null) {
    const at = { path: source.path, line: 1, column: 1 };
    return {
      value: null,
      rest: null,
      problems: [
        {
          severity: "error",
          code: "empty",
          at,
          message: "the file is empty",
          next: "write `version: 1` and `steps:`, or run `sluice init`",
        },
      ],
    };
  }
  const frame: Reading = { yaml, problems: [...problems] };
  checkTemplatePlaces(frame);
  const raw = checkAgainstSchema(frame, pipelineSchema, { standIns: STAND_INS });
  if (raw === undefined) return { value: null, rest: null, problems: inFileOrder(frame.problems) };
  const pipeline = normalize(frame, source.path, raw);
  const broken = frame.problems.some(isError);
  const inOrder = inFileOrder(frame.problems);
  if (!broken) return { value: pipeline, rest: null, problems: inOrder };
  return { value: null, rest: { pipeline, whole: wholeness(frame, raw, pipeline) }, problems: inOrder };
}

function inFileOrder(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted((a, b) => a.at.line - b.at.line || a.at.column - b.at.column).slice(0, 100);
}

function normalize(frame: Reading, path: string, raw: RawPipeline): Pipeline {
  const { yaml } = frame;
  const root = yaml.root;
  const name = raw.name ?? stemOf(path);
  if (raw.name === undefined && name.length > NAME_MAX)
    report(frame, [1, 1, 1, 1], {
      code: "bad-name",
      message: `the file's name is longer than a pipeline's name may be, ${NAME_MAX} characters`,
      next: "write a `name:`, or call the file otherwise",
    });
  const params = parameterSources(frame, raw);
  const stepsNode = yaml.child(root, "steps");
  const steps = yaml.keys(stepsNode).flatMap((step) => {
    const own = raw.steps[step];
    if (own === undefined) return [];
    const stepFrame: StepFrame = {
      ...frame,
      name: step,
      node: yaml.child(stepsNode, step),
      at: yaml.keySpan(stepsNode, step),
      raw,
    };
    return [normalizeStep(stepFrame, mergeDefaults(raw.defaults ?? {}, own))];
  });
  if (!frame.problems.some(isError) || steps.length > 0) checkSteps(frame, steps);
  return {
    path,
    at: raw.name === undefined ? [1, 1, 1, 1] : yaml.span(yaml.child(root, "name")),
    name,
    id: raw.id ?? name,
    was: raw.was ?? [],
    wasAt: (raw.was ?? []).map((_id, index) => yaml.span(yaml.child(yaml.child(root, "was"), index))),
    description: raw.description ?? null,
    owner: raw.owner ?? null,
    triggers: triggersOf(frame, raw, steps),
    on: raw.on === undefined ? null : yaml.keySpan(root, "on"),
    params,
    datasets: datasetsOf(frame, raw),
    steps,
    metrics: metricsOf(frame, raw),
    concurrency:
      raw.concurrency === undefined ? null : { group: raw.concurrency.group, keep: raw.concurrency.keep ?? "latest" },
  };
}

function stemOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.ya?ml$/, "");
}

function checkSteps(frame: Reading, steps: readonly Pipeline["steps"][number][]): void {
  if (steps.length === 0) {
    report(frame, frame.yaml.keySpan(frame.yaml.root, "steps"), {
      code: "no-steps",
      message: "the pipeline has no steps",
      next: "add a step with a `run:`",
    });
  }
  const ids = new Map<string, string>();
  for (const step of steps) {
    const before = ids.get(step.id);
    if (before !== undefined) {
      report(frame, step.at, {
        code: "duplicate-id",
        message: `\`${step.name}\` has the id of \`${before}\``,
        next: "give each step an `id:` of its own",
      });
    }
    ids.set(step.id, step.name);
    if (step.name === "dataset" || step.name === "release") {
      report(frame, step.at, {
        code: "reserved-name",
        message: `a step cannot be named \`${step.name}\`: inputs use that word`,
        next: "choose another name",
      });
    }
  }
}

function parameterSources(frame: Reading, raw: RawPipeline): readonly ParameterSource[] {
  if (raw.params === undefined) return [];
  const node = frame.yaml.child(frame.yaml.root, "params");
  const list = Array.isArray(raw.params) ? raw.params : [raw.params];
  return list.map((entry, at): ParameterSource => {
    const entryNode = Array.isArray(raw.params) ? frame.yaml.child(node, at) : node;
    const span = frame.yaml.span(entryNode);
    if (typeof entry === "string") return { kind: "file", path: checkedPath(frame, entry, span), at: span };
    frame.problems.push(...parameterWarnings(frame.yaml, entryNode));
    return { kind: "map", values: entry as JsonObject, at: span };
  });
}

function triggersOf(frame: Reading, raw: RawPipeline, steps: Pipeline["steps"]): Triggers {
  const push = raw.on?.push;
  const schedules = (raw.on?.schedule ?? []).map((schedule, at): Schedule => {
    const node = frame.yaml.child(frame.yaml.child(frame.yaml.child(frame.yaml.root, "on"), "schedule"), at);
    return {
      at: frame.yaml.span(node),
      cron: schedule.cron,
      timezone: schedule.timezone ?? "UTC",
      refresh: schedule.refresh ?? [],
      params: (schedule.params ?? {}) as JsonObject,
      catchUp: schedule.catch_up ?? "last",
    };
  });
  checkSchedules(frame, schedules, {
    steps: new Set(frame.yaml.keys(frame.yaml.child(frame.yaml.root, "steps"))),
    params: new Set(steps.flatMap((step) => step.params.map((param) => param.name))),
  });
  const pushed = frame.yaml.child(frame.yaml.child(frame.yaml.root, "on"), "push");
  if (push !== undefined && push !== false)
    for (const key of ["branches", "paths"] as const) checkGlobs(frame, frame.yaml.child(pushed, key), push[key] ?? []);
  return {
    push: push === false ? false : { branches: push?.branches ?? "default", paths: push?.paths ?? null },
    pullRequest: raw.on?.pull_request ?? "plan",
    schedule: schedules,
    upstream: (raw.on?.upstream ?? []).map((pipeline, at) => ({
      at: frame.yaml.span(frame.yaml.child(frame.yaml.child(frame.yaml.child(frame.yaml.root, "on"), "upstream"), at)),
      pipeline,
    })),
  };
}

function datasetsOf(frame: Reading, raw: RawPipeline): readonly Dataset[] {
  const node = frame.yaml.child(frame.yaml.root, "datasets");
  return Object.entries(raw.datasets ?? {}).flatMap(([name, dataset]): Dataset[] => {
    const at = frame.yaml.keySpan(node, name);
    const shared = { name, at, optional: dataset.optional ?? false };
    const uri = frame.yaml.child(frame.yaml.child(node, name), "uri");
    if (dataset.uri?.startsWith("hf://") === true) {
      report(frame, frame.yaml.span(uri), {
        code: "not-in-this-version",
        message: "`hf://` is not in this version",
        next: "fetch it to a file and pin that: `sluice data add`",
      });
    }
    if (dataset.pin === "at-run") {
      report(frame, frame.yaml.span(frame.yaml.child(frame.yaml.child(node, name), "pin")), {
        code: "not-in-this-version",
        message: "`pin: at-run` is not in this version",
        next: "pin it with `sluice data add`",
      });
    }
    const place = (key: string): Span => frame.yaml.span(frame.yaml.child(frame.yaml.child(node, name), key));
    const pathOf = (key: "path" | "pin" | "dvc", written: string): string => checkedPath(frame, written, place(key));
    const clash = clashOf(dataset);
    if (clash !== undefined) {
      report(frame, at, {
        code: "bad-dataset",
        message: `dataset \`${name}\` has ${clash}`,
        next: "write one of `path:` (with `uri:`, `pin:`), `dvc:`, or `pipeline:` with `path:`",
      });
      return [];
    }
    if (dataset.dvc !== undefined) return [{ ...shared, kind: "dvc", file: pathOf("dvc", dataset.dvc) }];
    if (dataset.pipeline !== undefined && dataset.path !== undefined) {
      const from = dataset.release === undefined ? ({ run: "latest" } as const) : { release: dataset.release };
      return [{ ...shared, kind: "output", pipeline: dataset.pipeline, path: pathOf("path", dataset.path), from }];
    }
    if (dataset.path === undefined) {
      report(frame, at, {
        code: "missing-key",
        message: `dataset \`${name}\` has no \`path\``,
        next: "add `path:`, or `dvc:` with a pointer file",
      });
      return [];
    }
    return [
      {
        ...shared,
        kind: "path",
        path: pathOf("path", dataset.path),
        uri: dataset.uri ?? null,
        pin: dataset.pin === undefined || dataset.pin === "at-run" ? null : pathOf("pin", dataset.pin),
      },
    ];
  });
}

/** Keys that contradict each other in one dataset, in words. */
function clashOf(dataset: NonNullable<RawPipeline["datasets"]>[string]): string | undefined {
  if (dataset.dvc !== undefined) {
    const beside = (["path", "uri", "pin", "pipeline"] as const).find((key) => dataset[key] !== undefined);
    return beside === undefined ? undefined : `both \`dvc\` and \`${beside}\``;
  }
  if (dataset.pipeline === undefined) {
    const alone = (["run", "release"] as const).find((key) => dataset[key] !== undefined);
    return alone === undefined ? undefined : `\`${alone}\` without \`pipeline\``;
  }
  if (dataset.run !== undefined && dataset.release !== undefined) return "both `run` and `release`";
  return dataset.uri === undefined ? undefined : "both `pipeline` and `uri`";
}

function checkedPath(frame: Reading, written: string, at: Span): string {
  const refusal = refusePath(written);
  if (refusal !== undefined) report(frame, at, refusal);
  return cleanPath(written);
}

const GATE = /^\s*(>=|<=|==|>|<)\s*(\S+)\s*$/;

function metricsOf(frame: Reading, raw: RawPipeline): readonly MetricSpec[] {
  const node = frame.yaml.child(frame.yaml.root, "metrics");
  return Object.entries(raw.metrics ?? {}).map(([name, metric]): MetricSpec => {
    const gate = metric.gate === undefined ? null : GATE.exec(metric.gate);
    const { tolerance } = metric;
    return {
      at: frame.yaml.keySpan(node, name),
      name,
      step: metric.step,
      goal: metric.goal ?? null,
      tolerance:
        tolerance === undefined
          ? null
          : "absolute" in tolerance
            ? { kind: "absolute", value: tolerance.absolute }
            : { kind: "relative", value: tolerance.relative },
      gate:
        gate?.[1] === undefined
          ? null
          : { operator: gate[1] as NonNullable<MetricSpec["gate"]>["operator"], bound: Number(gate[2]) },
      gateAction: metric.gate_action ?? "stop",
    };
  });
}
