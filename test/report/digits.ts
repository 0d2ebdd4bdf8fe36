import {
  digestOf,
  parseCommitSha,
  parseRunId,
  type CommitSha,
  type Digest,
  type RunId,
} from "../../src/identity/identity.ts";
import { keyOf, type KeyDocument, type Profile, type StepResult } from "../../src/key/key-document.ts";
import type { Step } from "../../src/pipeline/pipeline.ts";
import type { Forecast, StepForecast, Verdict, WorkInput, WorkOrder, WorkStep } from "../../src/plan/plan.ts";
import type { PlanView } from "../../src/report/plan-view.ts";
import type { RunRecord, StepOutcome, StepRecord } from "../../src/run/run-record.ts";

/** The digits pipeline of the interface's examples as values, for everything that is shown of it. */

export function run(prefix: string): RunId {
  const id = parseRunId(prefix.padEnd(26, "0"));
  if (id === undefined) throw new Error(`${prefix} begins no run id`);
  return id;
}

export function commit(prefix: string): CommitSha {
  const sha = parseCommitSha(prefix.padEnd(40, "0"));
  if (sha === undefined) throw new Error(`${prefix} begins no commit id`);
  return sha;
}

export function document(changes: Partial<KeyDocument> = {}): KeyDocument {
  return {
    key: 1,
    salt: "",
    executor: "process",
    image: null,
    platform: "linux-x64",
    accelerator: null,
    tools: {},
    environment: { kind: "node", lock: digestOf("package-lock.json") },
    shell: "bash",
    run: "node src/train.mjs",
    params: {},
    env: {},
    network: false,
    secrets: [],
    inputs: [],
    outputs: [],
    metrics: [],
    plots: [],
    ...changes,
  };
}

const at = [1, 1, 1, 2] as const;

function pipelineStep(name: string): Step {
  return {
    at,
    name,
    id: name,
    description: null,
    command: { kind: "shell", shell: "bash", script: `node src/${name}.mjs`, at },
    inputs: [],
    outputs: [],
    needs: [],
    params: [],
    env: {},
    secrets: [],
    network: false,
    metrics: [],
    plots: [],
    executor: "process",
    environment: { kind: "node", lock: "package-lock.json" },
    tools: {},
    resources: { cpu: 1, memory: null, gpu: 0, pool: "default" },
    timeoutMs: null,
    retry: { attempts: 3, on: ["lost"], backoff: "exponential", delayMs: 1000, own: false },
    priority: 0,
    cache: true,
    effects: false,
    checkpoint: null,
    salt: "",
  };
}

export function workStep(
  name: string,
  after: Readonly<Record<string, readonly string[]>> = {},
  changes: Partial<KeyDocument> = {},
): WorkStep {
  const own = document({ run: `node src/${name}.mjs`, ...changes });
  const inputs: WorkInput[] = own.inputs.map((entry) =>
    entry.kind === "dataset" ? { kind: "dataset", entry, name: "raw" } : { kind: "source", entry, files: [entry.path] },
  );
  for (const [step, paths] of Object.entries(after)) {
    for (const path of paths) inputs.push({ kind: "output", path, step, output: path });
  }
  return {
    name,
    id: name,
    document: own,
    symbol: keyOf(own),
    inputs,
    after: Object.keys(after),
    step: pipelineStep(name),
  };
}

export function workOrder(name: string, steps: readonly WorkStep[]): WorkOrder {
  return {
    pipeline: { id: name, name, path: `pipelines/${name}.yaml` },
    steps,
    metrics: [],
    digest: digestOf(`${name} order`),
    params: {},
    pinned: true,
  };
}

export const prepare = workStep(
  "prepare",
  {},
  {
    inputs: [{ path: "data/digits.csv", kind: "dataset", digest: digestOf("data") }],
    outputs: [
      { path: "build/train.csv", kind: "any" },
      { path: "build/test.csv", kind: "any" },
    ],
  },
);
export const train = workStep(
  "train",
  { prepare: ["build/train.csv"] },
  { params: { train: { learning_rate: 0.05 } }, outputs: [{ path: "build/model.pkl", kind: "any" }] },
);
export const evaluate = workStep(
  "evaluate",
  { train: ["build/model.pkl"], prepare: ["build/test.csv"] },
  { outputs: [{ path: "reports", kind: "any" }] },
);

export const digits = workOrder("digits", [prepare, train, evaluate]);

export function result(step: string, made: RunId): StepResult {
  return {
    result: 1,
    key: digestOf(`${step} key`),
    facts: { outputs: [], metrics: {} },
    made: {
      run: made,
      step,
      attempt: 1,
      domain: "local",
      isolation: "workspace",
      network: false,
      secrets: false,
      finishedAt: "2026-11-20T10:00:00Z",
      profile: profile(1000),
      log: null,
    },
  };
}

export function profile(wallMs: number, peakBytes: number | null = null): Profile {
  return { wallMs, cpuUserMs: wallMs, cpuSystemMs: 10, peakBytes, method: peakBytes === null ? "none" : "wait4" };
}

export function cached(step: string, from = run("r4k7")): Verdict {
  return { kind: "cached", key: digestOf(`${step} key`), result: result(step, from), from };
}

export function forecast(steps: readonly StepForecast[], removed: readonly string[] = []): Forecast {
  return { steps, removed };
}

export const learningRate = { kind: "parameter", name: "train.learning_rate", from: 0.1, to: 0.05 } as const;

/** The plan of INTERFACES §7: one step runs, one depends, one is cached. */
export const changedDigits: PlanView = {
  name: "digits",
  path: "pipelines/digits.yaml",
  order: digits,
  forecast: forecast([
    { step: "prepare", verdict: cached("prepare"), time: null },
    {
      step: "train",
      verdict: {
        kind: "run",
        key: digestOf("train key"),
        cause: { kind: "changed", changes: [{ ...learningRate, name: "learning_rate" }] },
      },
      time: { medianMs: 42_000, spreadMs: 3_000 },
    },
    {
      step: "evaluate",
      verdict: { kind: "depends", on: ["train"], root: ["train"], changes: [] },
      time: { medianMs: 2_000, spreadMs: 20 },
    },
  ]),
  problems: [],
  costUsd: 0.01,
  policies: [
    { name: "pinned environments", outcome: "passed", message: "" },
    { name: "licences", outcome: "passed", message: "" },
    { name: "owners", outcome: "passed", message: "" },
    { name: "cost", outcome: "warned", message: "$0.01 is more than last time" },
  ],
};

export const unchangedDigits: PlanView = {
  ...changedDigits,
  forecast: forecast(digits.steps.map((step) => ({ step: step.name, verdict: cached(step.name), time: null }))),
  costUsd: null,
  policies: [],
};

export const brokenDigits: PlanView = {
  name: "digits",
  path: "pipelines/digits.yaml",
  order: null,
  forecast: null,
  problems: [
    {
      severity: "error",
      code: "missing-input",
      at: { path: "pipelines/digits.yaml", line: 12, column: 14 },
      message: "no file or output `build/trian.csv`",
      next: "did you mean `build/train.csv` (from `prepare`)?",
    },
    {
      severity: "error",
      code: "unknown-key",
      at: { path: "pipelines/digits.yaml", line: 20, column: 5 },
      message: "unknown key `ouputs`",
      next: "did you mean `outputs`?",
    },
    {
      severity: "warning",
      code: "yaml-1-1",
      at: { path: "params.yaml", line: 2, column: 7 },
      message: "`yes` is true to some readers",
      next: 'write `true` or "yes"',
    },
  ],
  costUsd: null,
  policies: [],
};

export function done(name: string, outcome: Partial<Extract<StepOutcome, { kind: "succeeded" }>> = {}): StepOutcome {
  return {
    kind: "succeeded",
    result: digestOf(`${name} result`),
    facts: { outputs: [], metrics: {} },
    isolation: "sandbox",
    cause: { kind: "first-run" },
    ...outcome,
  };
}

export function output(path: string, size: number): StepResult["facts"]["outputs"][number] {
  return { path, kind: "file", digest: digestOf(path), size, files: 1 };
}

/** The document as a run records it: upstream outputs by digest among the inputs. */
function concrete(step: WorkStep): KeyDocument {
  const upstream = step.inputs.flatMap((input) =>
    input.kind === "output" ? [{ path: input.path, kind: "file" as const, digest: digestOf(input.path) }] : [],
  );
  return { ...step.document, inputs: [...step.document.inputs, ...upstream] };
}

export function stepRecord(step: WorkStep, outcome: StepOutcome, changes: Partial<StepRecord> = {}): StepRecord {
  return {
    name: step.name,
    id: step.id,
    key: digestOf(`${step.name} key`),
    document: concrete(step),
    outcome,
    terminal: false,
    attempts: [],
    nonDeterministic: [],
    ...changes,
  };
}

export function attempt(
  wallMs: number,
  peakBytes: number | null = null,
  log: Digest | null = null,
): StepRecord["attempts"][number] {
  return { attempt: 1, startedAt: "2026-11-20T10:12:00Z", profile: profile(wallMs, peakBytes), failure: null, log };
}

/** A finished run on another learning rate: `prepare` cached, two steps computed. */
export const finished: RunRecord = {
  id: run("r8x2"),
  pipeline: digits.pipeline,
  repository: "local:4e5f6a7",
  source: commit("a1b2c3d"),
  dirty: null,
  request: "local:01jd0000000000000000000000",
  trigger: "local",
  requestedBy: "octocat",
  approvedBy: [],
  pullRequest: null,
  status: "succeeded",
  plan: digits.digest,
  params: { learning_rate: 0.05, seed: 42 },
  overrides: {},
  environmentDrift: false,
  sources: { "src/train.mjs": digestOf("train.mjs"), "src/old.mjs": digestOf("old") },
  datasets: [{ name: "raw", path: "data/digits.csv", digest: digestOf("data"), size: 494_000, uri: null }],
  metricSpecs: [
    {
      name: "accuracy",
      step: "evaluate",
      goal: "higher",
      tolerance: { kind: "absolute", value: 0.002 },
      gate: { operator: ">=", bound: 0.95 },
      gateAction: "stop",
    },
    {
      name: "log_loss",
      step: "evaluate",
      goal: "lower",
      tolerance: { kind: "relative", value: 0.01 },
      gate: null,
      gateAction: "stop",
    },
  ],
  steps: [
    stepRecord(prepare, {
      kind: "cached",
      result: digestOf("p"),
      facts: { outputs: [output("build/train.csv", 512_000)], metrics: {} },
      isolation: "sandbox",
      from: run("r4k7"),
      domain: "local",
    }),
    stepRecord(
      train,
      done("train", {
        cause: { kind: "changed", changes: [{ ...learningRate, name: "learning_rate" }] },
        facts: { outputs: [output("build/model.pkl", 2_048)], metrics: {} },
      }),
      { attempts: [attempt(41_000, 412_000_000)] },
    ),
    stepRecord(
      evaluate,
      done("evaluate", {
        cause: { kind: "changed", changes: [{ kind: "upstream", path: "build/model.pkl", step: "train" }] },
        facts: {
          outputs: [output("reports/metrics.json", 90)],
          metrics: { log_loss: 0.0709, accuracy: 0.9889, "images.count": 360 },
        },
      }),
      { attempts: [attempt(2_100, 80_000_000)], terminal: true },
    ),
  ],
  startedAt: "2026-11-20T10:12:00.000Z",
  finishedAt: "2026-11-20T10:12:46.000Z",
  host: { platform: "linux-x64", cpus: 2, memoryBytes: 8_000_000_000, version: "0.1.0" },
};

/** The run before: its metrics are the baseline. */
export const before: RunRecord = {
  ...finished,
  id: run("r4k7"),
  params: { learning_rate: 0.1, seed: 42 },
  sources: { "src/train.mjs": digestOf("train.mjs before"), "src/new.mjs": digestOf("new") },
  steps: finished.steps.map((step) =>
    step.name !== "evaluate"
      ? {
          ...step,
          key: step.name === "train" ? digestOf("train key before") : step.key,
          outcome: done(step.name, {
            facts: {
              outputs:
                step.name === "train"
                  ? [{ ...output("build/model.pkl", 2_048), digest: digestOf("model before") }]
                  : step.outcome.kind === "cached"
                    ? step.outcome.facts.outputs
                    : [],
              metrics: {},
            },
          }),
          attempts: [attempt(38_000, 400_000_000)],
        }
      : {
          ...step,
          key: digestOf("evaluate key before"),
          outcome: done("evaluate", {
            facts: { outputs: [output("reports/metrics.json", 90)], metrics: { log_loss: 0.0712, accuracy: 0.9848 } },
          }),
        },
  ),
};
