import { byUtf8 } from "../identity/canonical-json.ts";
import { digestOfJson, type Digest } from "../identity/identity.ts";
import { directoryDigest, keyOf, type KeyDocument, type KeyInput } from "../key/key-document.ts";
import { selectParameters } from "../pipeline/parameters.ts";
import type { Environment, Step } from "../pipeline/pipeline.ts";
import type { InputMatch, Resolution, ResolvedStep } from "../pipeline/resolution.ts";
import type { WorkInput, WorkOrder, WorkStep } from "./plan.ts";

export interface FileFact {
  readonly digest: Digest;
  readonly executable: boolean;
  readonly size: number;
  /** Set for a symbolic link: where it leads, as written. */
  readonly link?: string;
}

export interface WorkOrderOptions {
  /** Of the pool, or of this machine on a laptop: `linux-x64`. */
  readonly platform: string;
  readonly accelerator: string | null;
  /** What pools declare; a step's own pool wins over the two above. */
  readonly pools?: Readonly<Record<string, { readonly platform: string; readonly accelerator: string | null }>>;
  /** The pool of all steps, whatever they ask for: where forks run. */
  readonly pool?: string | null;
}

/** What a resolution without errors would run; byte-identical for identical input. */
export function workOrder(
  resolution: Resolution,
  fact: (path: string) => FileFact | undefined,
  options: WorkOrderOptions,
): WorkOrder {
  const symbols = new Map<string, Digest>();
  const steps = resolution.steps.map((resolved) => {
    const step = workStep(resolution, resolved, { fact, options, symbols });
    symbols.set(step.name, step.symbol);
    return step;
  });
  const { pipeline } = resolution;
  return {
    pipeline: { id: pipeline.id, name: pipeline.name, path: pipeline.path },
    steps,
    metrics: pipeline.metrics,
    digest: digestOfJson({ order: 1, steps: steps.map((step) => step.symbol as string).sort() }),
    params: resolution.params,
    pinned: pipeline.steps.every((step) => isPinned(step.environment)),
  };
}

/** True where an image or a lock file pins the environment. */
export function isPinned(environment: Environment): boolean {
  return environment.kind === "image" || ("lock" in environment && environment.lock !== null);
}

interface Making {
  readonly fact: (path: string) => FileFact | undefined;
  readonly options: WorkOrderOptions;
  readonly symbols: ReadonlyMap<string, Digest>;
}

function workStep(resolution: Resolution, { step, inputs, after }: ResolvedStep, making: Making): WorkStep {
  const work = inputs.map((input) => workInput(input, making.fact));
  const entries = work.map((input): KeyInput =>
    input.kind === "output" ? symbolOf(input, making.symbols) : input.entry,
  );
  const { pools = {} } = making.options;
  const pool = making.options.pool ?? step.resources.pool;
  const { platform, accelerator } = (Object.hasOwn(pools, pool) ? pools[pool] : undefined) ?? making.options;
  // In the order of canonical JSON: no key of ten thousand has to sort them.
  const document: KeyDocument = {
    accelerator,
    env: step.env,
    environment: environmentOf(step.environment, making.fact),
    executor: step.executor,
    image: step.environment.kind === "image" ? step.environment.digest : null,
    inputs: entries.sort((a, b) => byUtf8(a.path, b.path)),
    key: 1,
    metrics: step.metrics.map((metric) => metric.path).sort(byUtf8),
    network: step.network,
    outputs: outputsOf(step),
    params: selectParameters(
      resolution.params,
      step.params.map((param) => param.name),
    ),
    platform,
    plots: [...new Set(step.plots.flatMap((plot) => plot.series.map((series) => series.path)))].sort(byUtf8),
    run: step.command.kind === "shell" ? step.command.script : step.command.argv,
    salt: step.salt,
    secrets: step.secrets.map((secret) => secret.name).sort(),
    shell: step.command.kind === "shell" ? step.command.shell : null,
    tools: step.tools,
  };
  return { name: step.name, id: step.id, document, symbol: keyOf(document), inputs: work, after, step };
}

function environmentOf(environment: Environment, fact: Making["fact"]): KeyDocument["environment"] {
  if (environment.kind === "system" || environment.kind === "image") return null;
  const lock = environment.lock === null ? null : (fact(environment.lock)?.digest ?? null);
  return { kind: environment.kind, lock };
}

/** Declared outputs, then metric and plot files that lie outside them: all that is kept. */
function outputsOf(step: Step): KeyDocument["outputs"] {
  const outputs = new Map<string, "any" | "directory">(
    step.outputs.map((output) => [output.path, output.directory ? "directory" : "any"]),
  );
  const more = [
    ...step.metrics.map((metric) => metric.path),
    ...step.plots.flatMap((plot) => plot.series.map((series) => series.path)),
  ];
  for (const path of more) {
    const inside = step.outputs.some((output) => path === output.path || path.startsWith(`${output.path}/`));
    if (!inside) outputs.set(path, "any");
  }
  return [...outputs].map(([path, kind]) => ({ path, kind })).sort((a, b) => byUtf8(a.path, b.path));
}

function workInput(input: InputMatch, fact: Making["fact"]): WorkInput {
  switch (input.kind) {
    case "output":
      return input;
    case "dataset":
      return {
        kind: "dataset",
        name: input.name,
        entry: { path: input.state.path, kind: "dataset", digest: input.state.digest },
      };
    case "source": {
      const file = required(input.path, fact);
      return {
        kind: "source",
        files: [input.path],
        entry: { path: input.path, kind: kindOf(file), digest: file.digest },
      };
    }
    case "source-directory": {
      const listing = input.files.map((path) => {
        const { executable: x, digest, size, link } = required(path, fact);
        const inside = path.slice(input.path.length + 1);
        return link === undefined ? { path: inside, x, digest, size } : { path: inside, link };
      });
      return {
        kind: "source",
        files: input.files,
        entry: { path: input.path, kind: "directory", digest: directoryDigest(listing) },
      };
    }
    default:
      return input satisfies never;
  }
}

function kindOf(file: FileFact): "file" | "executable" | "link" {
  if (file.link !== undefined) return "link";
  return file.executable ? "executable" : "file";
}

function required(path: string, fact: Making["fact"]): FileFact {
  const file = fact(path);
  if (file === undefined) throw new Error(`making the work order: no digest of ${path}`);
  return file;
}

/** Names an upstream output by the key of what makes it, so that renaming steps changes nothing. */
function symbolOf(input: Extract<WorkInput, { kind: "output" }>, symbols: ReadonlyMap<string, Digest>): KeyInput {
  const symbol = symbols.get(input.step);
  if (symbol === undefined) throw new Error(`making the work order: ${input.step} does not stand before what reads it`);
  return { path: input.path, kind: "output", digest: `step:${symbol}:${input.output}` };
}
