import type { Node } from "yaml";

import { parameterOf, placeholders, quotedPlaceholder } from "../expression/template.ts";
import { parseDigest } from "../identity/identity.ts";
import { durationOf, resourcesOf } from "./amounts.ts";
import { cleanPath, refuseGlob, refusePath } from "./path-problem.ts";
import type {
  Command,
  Environment,
  Input,
  MetricFile,
  Output,
  Plot,
  Retry,
  RetryReason,
  Span,
  Step,
} from "./pipeline.ts";
import { report, type Reading } from "./reading.ts";
import { unclosed } from "./template-problems.ts";
import type { RawEnvironment, RawPipeline, RawStep } from "./schema.ts";

export interface StepFrame extends Reading {
  readonly name: string;
  readonly node: Node | undefined;
  /** Place of the step's name. */
  readonly at: Span;
  readonly raw: RawPipeline;
}

const DEFAULT_RETRY_DELAY_MS = 5_000;

/** An executor that fits where the step's programs come from. */
function checkExecutor(frame: StepFrame, environment: Environment, executor: Step["executor"]): void {
  if (executor === "kubernetes" && environment.kind !== "image") {
    report(frame, placeOf(frame, "executor"), {
      code: "kubernetes-without-image",
      message: `\`${frame.name}\` has \`executor: kubernetes\` and no image`,
      next: "write `environment: { image: …@sha256:… }`",
    });
  }
  if (environment.kind === "image" && (executor === "process" || executor === "slurm")) {
    report(frame, placeOf(frame, "executor"), {
      code: `image-with-${executor}`,
      message: `\`${frame.name}\` has an image and \`executor: ${executor}\``,
      next: `remove \`executor: ${executor}\`, or use another \`environment:\``,
    });
  }
}

/** One step in its only shape, with pipeline-level keys merged in; mistakes go to the frame. */
export function normalizeStep(frame: StepFrame, step: RawStep): Step {
  const environment = environmentOf(step.environment ?? frame.raw.environment);
  checkEnvironment(frame, step.environment ?? frame.raw.environment);
  const executor = step.executor ?? (environment.kind === "image" ? "container" : "process");
  checkExecutor(frame, environment, executor);
  const written = environmentNode(frame);
  const params = (step.params ?? []).map((name, at) => ({ name, at: itemSpan(frame, "params", at) }));
  const codeKey = step.code === undefined ? "pipeline" : "step";
  return {
    at: frame.at,
    name: frame.name,
    id: step.id ?? frame.name,
    description: step.description ?? null,
    command: commandOf(frame, step, new Set(params.map((param) => param.name))),
    inputs: [
      ...(step.inputs ?? []).map((raw, at) => inputOf(frame, raw, { at: itemSpan(frame, "inputs", at), code: false })),
      ...(step.code ?? frame.raw.code ?? []).map((raw, at) =>
        inputOf(frame, raw, { at: codeKey === "step" ? itemSpan(frame, "code", at) : codeSpan(frame, at), code: true }),
      ),
    ],
    outputs: outputsOf(frame, step),
    needs: (step.needs ?? []).map((name, at) => ({ step: name, at: itemSpan(frame, "needs", at) })),
    params: onceEach(params, (param) => param.name),
    env: step.env ?? {},
    secrets: onceEach(
      (step.secrets ?? []).map((name, at) => ({ name, at: itemSpan(frame, "secrets", at) })),
      (secret) => secret.name,
    ),
    network: step.network ?? false,
    metrics: (step.metrics ?? []).map((path, at): MetricFile => ({
      at: itemSpan(frame, "metrics", at),
      path: checkedPath(frame, path, itemSpan(frame, "metrics", at)),
    })),
    plots: (step.plots ?? []).flatMap((plot, at) => plotOf(frame, plot, itemSpan(frame, "plots", at))),
    checkpoint: checkpointOf(frame, step),
    executor,
    environment,
    ...(written === undefined ? {} : { environmentAt: frame.yaml.span(written) }),
    tools: { ...frame.raw.tools, ...step.tools },
    resources: resourcesOf(frame, step),
    timeoutMs: step.timeout === undefined ? null : durationOf(frame, ["timeout"], step.timeout),
    retry: retryOf(frame, step),
    priority: step.priority ?? 0,
    cache: step.cache ?? true,
    effects: step.effects ?? false,
    salt: [frame.raw.salt, step.salt].filter((salt) => salt !== undefined).join("/"),
  };
}

/** A name that `defaults` and the step both list counts once. */
function onceEach<Item>(items: readonly Item[], nameOf: (item: Item) => string): readonly Item[] {
  const seen = new Set<string>();
  return items.filter((item) => !seen.has(nameOf(item)) && seen.add(nameOf(item)) !== undefined);
}

/** Place of a key's value in the step; of the step's name where `defaults` gave it. */
function placeOf(frame: StepFrame, key: string): Span {
  const node = frame.yaml.child(frame.node, key);
  return node === undefined ? frame.at : frame.yaml.span(node);
}

function itemSpan(frame: StepFrame, key: string, at: number): Span {
  const defaults = frame.yaml.child(frame.yaml.child(frame.yaml.root, "defaults"), key);
  const fromDefaults = Array.isArray((frame.raw.defaults as Record<string, unknown> | undefined)?.[key])
    ? ((frame.raw.defaults as Record<string, unknown>)[key] as unknown[]).length
    : 0;
  const item =
    at < fromDefaults
      ? frame.yaml.child(defaults, at)
      : frame.yaml.child(frame.yaml.child(frame.node, key), at - fromDefaults);
  return item === undefined ? frame.at : frame.yaml.span(item);
}

function codeSpan(frame: StepFrame, at: number): Span {
  return frame.yaml.span(frame.yaml.child(frame.yaml.child(frame.yaml.root, "code"), at));
}

function commandOf(frame: StepFrame, step: RawStep, declared: ReadonlySet<string>): Command {
  const at = placeOf(frame, "run");
  const texts = typeof step.run === "string" ? [step.run] : step.run;
  for (const { expression } of texts.flatMap(placeholders)) {
    const name = parameterOf(expression);
    if (expression.startsWith("matrix.")) {
      report(frame, at, {
        code: "not-in-this-version",
        message: `\`\${{ ${expression} }}\` is not in this version`,
        next: "write `${{ params.<name> }}`",
      });
    } else if (name === undefined) {
      report(frame, at, {
        code: "bad-template",
        message: `\`\${{ ${expression} }}\` is not a parameter`,
        next: "write `${{ params.<name> }}`",
      });
    } else if (!covers(declared, name)) {
      report(frame, at, {
        code: "undeclared-parameter",
        message: `\`run\` uses parameter \`${name}\`, which \`${frame.name}\` does not list`,
        next: `add \`${name}\` to \`params:\` of \`${frame.name}\``,
      });
    }
  }
  const quoted = typeof step.run === "string" ? quotedPlaceholder(step.run) : undefined;
  if (quoted !== undefined) {
    report(frame, at, {
      code: "quoted-template",
      message: `\`\${{ ${quoted.expression} }}\` stands inside quotes, and its value is quoted already`,
      next: "remove the quotes around it",
    });
  }
  if (texts.some(unclosed)) {
    report(frame, at, {
      code: "bad-template",
      message: "a `${{` in `run` is never closed",
      next: "close it with `}}`",
    });
  }
  if (texts[0]?.trim() === "") {
    report(frame, at, { code: "bad-value", message: `\`run\` of \`${frame.name}\` is blank`, next: "write a command" });
  }
  if (typeof step.run === "string") return { kind: "shell", shell: step.shell ?? "bash", script: step.run, at };
  return { kind: "argv", argv: step.run, at };
}

/** True when a name, or a subtree that holds it, is declared. */
function covers(declared: ReadonlySet<string>, name: string): boolean {
  if (declared.has(name)) return true;
  const dot = name.lastIndexOf(".");
  return dot > 0 && covers(declared, name.slice(0, dot));
}

function inputOf(
  frame: StepFrame,
  raw: NonNullable<RawStep["inputs"]>[number],
  place: { readonly at: Span; readonly code: boolean },
): Input {
  const text = typeof raw === "string" ? raw : raw.glob;
  const shared = { ...place, optional: typeof raw === "string" ? false : (raw.optional ?? false) };
  const foreign = refuseGlob(text);
  if (
    foreign !== undefined &&
    !frame.problems.some(
      (one) => one.code === foreign.code && one.at.line === place.at[0] && one.at.column === place.at[1],
    )
  )
    report(frame, place.at, foreign);
  if (text.startsWith("!")) return { ...shared, kind: "exclude", glob: text.slice(1) };
  if (text.startsWith("dataset:")) return { ...shared, kind: "dataset", dataset: text.slice("dataset:".length) };
  if (text.startsWith("release:"))
    return { ...shared, kind: "release", path: checkedPath(frame, text.slice("release:".length), place.at) };
  const step = /^([A-Za-z0-9][\w.*-]*):(.+)$/.exec(text);
  if (step?.[1] !== undefined && step[2] !== undefined)
    return { ...shared, kind: "step", step: step[1], path: checkedPath(frame, step[2], place.at) };
  const path = checkedPath(frame, text, place.at);
  if (/[*?[\]{}]/.test(text) || typeof raw !== "string") return { ...shared, kind: "glob", glob: path };
  return { ...shared, kind: "path", path };
}

function outputsOf(frame: StepFrame, step: RawStep): readonly Output[] {
  return (step.outputs ?? []).map((raw, at): Output => {
    const span = itemSpan(frame, "outputs", at);
    const written = typeof raw === "string" ? raw : raw.path;
    const path = checkedPath(frame, written, span);
    if (/[*?]/.test(written)) {
      report(frame, span, {
        code: "glob-output",
        message: `output \`${written}\` is a glob`,
        next: "name the file, or the directory that holds them",
      });
    }
    return {
      at: span,
      path,
      directory: written.endsWith("/"),
      type: typeof raw === "string" ? null : (raw.type ?? null),
    };
  });
}

function checkpointOf(frame: StepFrame, { checkpoint }: RawStep): Step["checkpoint"] {
  if (checkpoint === undefined) return null;
  const at = placeOf(frame, "checkpoint");
  const path = checkedPath(frame, checkpoint, at);
  if (/[*?]/.test(path))
    report(frame, at, {
      code: "glob-checkpoint",
      message: `checkpoint \`${checkpoint}\` is a glob`,
      next: "name the directory",
    });
  return { path, at };
}

function plotOf(frame: StepFrame, raw: NonNullable<RawStep["plots"]>[number], at: Span): readonly Plot[] {
  if ((raw.path === undefined) === (raw.series === undefined)) {
    report(frame, at, {
      code: "bad-plot",
      message: "a plot has either `path` or `series`",
      next: "write one of the two",
    });
    return [];
  }
  const series =
    raw.path === undefined
      ? Object.entries(raw.series ?? {}).map(([name, path]) => ({ name, path: checkedPath(frame, path, at) }))
      : [{ name: raw.name ?? raw.path, path: checkedPath(frame, raw.path, at) }];
  const name = raw.name ?? raw.path ?? series.map((one) => one.name).join(", ");
  return [{ at, name, series, x: raw.x ?? null, y: raw.y ?? null, kind: raw.kind ?? "line" }];
}

/** A path inside the repository in its plain form; anything else is a Problem at its place. */
function checkedPath(frame: StepFrame, written: string, at: Span): string {
  const refusal = refusePath(written);
  if (refusal !== undefined) report(frame, at, refusal);
  return cleanPath(written);
}

function environmentOf(raw: RawEnvironment | undefined): Environment {
  if (raw === undefined) return { kind: "system" };
  if ("system" in raw) return { kind: "system", written: true };
  const lock = "lock" in raw && raw.lock !== undefined ? cleanPath(raw.lock) : null;
  // A virtual environment may stand outside the repository; its path is no part of any key.
  if ("venv" in raw) return { kind: "venv", path: raw.venv.startsWith("/") ? raw.venv : cleanPath(raw.venv), lock };
  if ("uv" in raw) {
    const path = cleanPath(raw.uv) || ".";
    return { kind: "uv", path, lock: path === "." ? "uv.lock" : `${path}/uv.lock` };
  }
  if ("conda" in raw) return { kind: "conda", name: raw.conda, lock };
  if ("node" in raw) return { kind: "node", lock: cleanPath(raw.node) };
  const digest = parseDigest(raw.image.slice(raw.image.indexOf("@") + 1));
  if (digest === undefined) throw new Error(`image ${raw.image}: the schema let it through without a digest`);
  return { kind: "image", image: raw.image, digest };
}

/** What a step's environment is written at: in the step, in `defaults`, or for the whole pipeline. */
function environmentNode({ yaml, node }: StepFrame): Node | undefined {
  const holders = [node, yaml.child(yaml.root, "defaults"), yaml.root ?? undefined];
  return holders.map((holder) => yaml.child(holder, "environment")).find((found) => found !== undefined);
}

/** Files that pin an environment are read from the repository: their paths cannot leave it. */
function checkEnvironment(frame: StepFrame, raw: RawEnvironment | undefined): void {
  const { yaml } = frame;
  const node = environmentNode(frame);
  for (const [key, value] of Object.entries(raw ?? {})) {
    if (typeof value !== "string" || !["lock", "uv", "node"].includes(key)) continue;
    if (key === "uv" && cleanPath(value) === "") continue;
    const refusal = refusePath(value);
    const at = yaml.span(yaml.child(node, key) ?? node);
    // Steps that share an environment share its mistake.
    const told = frame.problems.some(
      (one) => one.code === refusal?.code && one.at.line === at[0] && one.at.column === at[1],
    );
    if (refusal !== undefined && !told) report(frame, at, refusal);
  }
}

function retryOf(frame: StepFrame, step: RawStep): Retry {
  const own = (frame.raw.steps[frame.name]?.retry ?? undefined) !== undefined;
  const { attempts, on, backoff, delay } = step.retry ?? {};
  return {
    attempts: attempts ?? 3,
    on: on === undefined ? ["lost"] : [...new Set(on as RetryReason[])],
    backoff: backoff ?? "exponential",
    delayMs: delay === undefined ? DEFAULT_RETRY_DELAY_MS : durationOf(frame, ["retry", "delay"], delay),
    own,
  };
}
