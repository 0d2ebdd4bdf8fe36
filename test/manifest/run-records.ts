import fc from "fast-check";

import type { Json } from "../../src/identity/canonical-json.ts";
import {
  digestOf,
  parseCommitSha,
  parseRunId,
  runIdOf,
  type CommitSha,
  type Digest,
  type RunId,
} from "../../src/identity/identity.ts";
import {
  keyOf,
  resultDigest,
  type KeyDocument,
  type MetricValue,
  type StepResult,
} from "../../src/key/key-document.ts";
import { TRIGGERS } from "../../src/pipeline/trigger-kind.ts";
import type { AttemptRecord, Failure, RunRecord, StepOutcome, StepRecord } from "../../src/run/run-record.ts";

export function sha(hex: string): CommitSha {
  const parsed = parseCommitSha(hex.repeat(40).slice(0, 40));
  if (parsed === undefined) throw new Error(`${hex} is no commit`);
  return parsed;
}

export function runId(text: string): RunId {
  const parsed = parseRunId(text.repeat(26).slice(0, 26));
  if (parsed === undefined) throw new Error(`${text} is no run`);
  return parsed;
}

export const REPOSITORY = "local:sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

export interface StepSketch {
  readonly inputs: readonly (readonly [path: string, kind: "file" | "dataset" | "output", bytes: string])[];
  readonly outputs: Readonly<Record<string, string>>;
  readonly metrics?: Readonly<Record<string, MetricValue>>;
  readonly terminal?: boolean;
}

function documentOf(name: string, sketch: StepSketch): KeyDocument {
  return {
    key: 1,
    salt: "",
    executor: "process",
    image: null,
    platform: "linux-x64",
    accelerator: null,
    tools: { node: "24" },
    environment: { kind: "node", lock: digestOf("lock") },
    shell: "bash",
    run: `node src/${name}.mjs`,
    params: {},
    env: {},
    network: false,
    secrets: [],
    inputs: sketch.inputs.map(([path, kind, bytes]) => ({ path, kind, digest: digestOf(bytes) })),
    outputs: Object.keys(sketch.outputs).map((path) => ({ path, kind: "any" })),
    metrics: sketch.metrics === undefined ? [] : Object.keys(sketch.outputs).slice(0, 1),
    plots: [],
  };
}

const profile = { wallMs: 412.5, cpuUserMs: 390, cpuSystemMs: 12, peakBytes: 64_000_000, method: "wait4" } as const;

export function doneStep(name: string, sketch: StepSketch): StepRecord {
  const document = documentOf(name, sketch);
  const key = keyOf(document);
  const facts: StepResult["facts"] = {
    outputs: Object.entries(sketch.outputs).map(([path, bytes]) => ({
      path,
      kind: "file",
      digest: digestOf(bytes),
      size: bytes.length,
      files: 1,
    })),
    metrics: sketch.metrics ?? {},
  };
  const made: StepResult["made"] = {
    run: runId("a"),
    step: name,
    attempt: 1,
    domain: "local",
    isolation: "sandbox",
    network: false,
    secrets: false,
    finishedAt: "2026-01-05T10:00:02.000Z",
    profile,
    log: null,
  };
  const result = resultDigest({ result: 1, key, facts, made });
  return {
    name,
    id: name,
    key,
    document,
    terminal: sketch.terminal ?? false,
    outcome: { kind: "succeeded", result, facts, isolation: "sandbox", cause: { kind: "first-run" } },
    attempts: [
      { attempt: 1, startedAt: "2026-01-05T10:00:01.000Z", profile, failure: null, log: digestOf(`log of ${name}`) },
    ],
    nonDeterministic: [],
  };
}

/** A run of prepare → train → evaluate on the digits. */
export function digitsRun(
  change: Partial<RunRecord> & { readonly data?: string; readonly accuracy?: MetricValue } = {},
): RunRecord {
  const { data = "digits", accuracy = 0.9889, ...rest } = change;
  const source = rest.source ?? sha("4e5f6a7");
  const request = rest.request ?? "local:01kdzq3v5e0123456789abcdef";
  return {
    id: runIdOf(REPOSITORY, "digits", source, request),
    pipeline: { id: "digits", name: "digits", path: "pipelines/digits.yaml" },
    repository: REPOSITORY,
    source,
    dirty: null,
    request,
    trigger: "local",
    requestedBy: "ada",
    approvedBy: [],
    pullRequest: null,
    status: "succeeded",
    plan: digestOf("work order"),
    params: { seed: 7, train: { learning_rate: 0.1 } },
    overrides: {},
    environmentDrift: false,
    sources: {
      "src/train.mjs": digestOf("train"),
      "src/evaluate.mjs": digestOf("evaluate"),
      "package-lock.json": digestOf("lock"),
    },
    datasets: [{ name: "raw", path: "data/digits.csv", digest: digestOf(data), size: 494_000, uri: null }],
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
      doneStep("prepare", {
        inputs: [["data/digits.csv", "dataset", data]],
        outputs: { "build/train.csv": `${data} 1`, "build/test.csv": `${data} 2` },
      }),
      doneStep("train", {
        inputs: [
          ["build/train.csv", "output", `${data} 1`],
          ["src/train.mjs", "file", "train"],
        ],
        outputs: { "build/model.json": `model ${data}` },
      }),
      doneStep("evaluate", {
        inputs: [
          ["build/model.json", "output", `model ${data}`],
          ["build/test.csv", "output", `${data} 2`],
        ],
        outputs: { "reports/metrics.json": String(accuracy) },
        metrics: { accuracy, log_loss: 0.0709 },
        terminal: true,
      }),
    ],
    startedAt: "2026-01-05T10:00:00.000Z",
    finishedAt: "2026-01-05T10:00:46.000Z",
    host: { platform: "linux-x64", cpus: 2, memoryBytes: 8_589_934_592, version: "0.1.0" },
    ...rest,
  };
}

export function documentsOf(record: RunRecord): (key: Digest) => KeyDocument | undefined {
  const documents = new Map(record.steps.map((step) => [step.key, step.document ?? undefined]));
  return (key) => documents.get(key);
}

const text = fc.string({ unit: "binary", maxLength: 24 });
const digest = fc.string({ maxLength: 4 }).map((seed) => digestOf(seed));
const count = fc.nat({ max: 1_000_000 });
const measure = fc.option(count);
const json: fc.Arbitrary<Json> = fc.jsonValue({ maxDepth: 2 }).map((value): Json => JSON.parse(JSON.stringify(value)));
const members = fc.dictionary(text, json, { maxKeys: 4 });
const metric: fc.Arbitrary<MetricValue> = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
  fc.constantFrom("NaN", "Infinity", "-Infinity"),
);
const isolation = fc.constantFrom("workspace", "sandbox", "container");

const failure: fc.Arbitrary<Failure> = fc.oneof(
  fc.record({ kind: fc.constant("exit"), code: count }),
  fc.record({ kind: fc.constant("oom"), limitBytes: measure, peakBytes: measure }),
  fc.record({ kind: fc.constant("lost"), why: text }),
  fc.record({ kind: fc.constant("missing-output"), paths: fc.array(text, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant("gate"), metric: text, value: text, gate: text }),
);

const facts: fc.Arbitrary<StepResult["facts"]> = fc.record({
  outputs: fc.array(
    fc.record({
      path: text,
      kind: fc.constantFrom("file", "executable", "directory"),
      digest,
      size: count,
      files: count,
    }),
    { maxLength: 3 },
  ),
  metrics: fc.dictionary(text, metric, { maxKeys: 3 }),
});

const outcome: fc.Arbitrary<StepOutcome> = fc.oneof(
  fc.record({
    kind: fc.constant("succeeded"),
    result: digest,
    facts,
    isolation,
    cause: fc.constantFrom(
      { kind: "first-run" },
      { kind: "forced" },
      { kind: "changed", changes: [{ kind: "salt", from: "", to: "1" }] },
    ),
  }),
  fc.record({
    kind: fc.constant("cached"),
    result: digest,
    facts,
    isolation,
    from: fc.constant(runId("b")),
    domain: fc.constantFrom("local", "main", "pr", "fork/7"),
  }),
  fc.record({ kind: fc.constant("failed"), failure }),
  fc.record({ kind: fc.constant("cancelled") }),
  fc.record({ kind: fc.constant("not-started"), because: text }),
  fc.record({ kind: fc.constant("withheld"), why: text }),
);

const attempt: fc.Arbitrary<AttemptRecord> = fc.record({
  attempt: count,
  startedAt: text,
  failure: fc.option(failure),
  log: fc.option(digest),
  profile: fc.record({
    wallMs: count,
    cpuUserMs: measure,
    cpuSystemMs: measure,
    peakBytes: measure,
    method: fc.constantFrom("wait4", "none"),
  }),
});

const step: fc.Arbitrary<StepRecord> = fc.record({
  name: text,
  id: text,
  key: fc.option(digest),
  document: fc.constant(null),
  outcome,
  terminal: fc.boolean(),
  attempts: fc.array(attempt, { maxLength: 2 }),
  nonDeterministic: fc.array(digest, { maxLength: 2 }),
});

/** No two steps of a run have an output of one path. */
function withOwnPaths(record: StepRecord, at: number): StepRecord {
  const done = record.outcome;
  if (done.kind !== "succeeded" && done.kind !== "cached") return record;
  const outputs = done.facts.outputs.map((output, index) => ({ ...output, path: `${at}/${index}/${output.path}` }));
  return { ...record, outcome: { ...done, facts: { ...done.facts, outputs } } };
}

/** Any run, however strange its names; ids are derived as the law wants. */
export const anyRun: fc.Arbitrary<RunRecord> = fc
  .record({
    pipeline: fc.record({ id: text, name: text, path: text }),
    repository: fc.constantFrom(REPOSITORY, "731337"),
    source: fc.constantFrom(sha("1"), sha("ab")),
    dirty: fc.option(fc.record({ tree: text, paths: fc.array(text, { maxLength: 3 }) })),
    request: text,
    trigger: fc.constantFrom(...TRIGGERS),
    requestedBy: fc.option(text),
    approvedBy: fc.array(text, { maxLength: 2 }),
    pullRequest: fc.option(count),
    status: fc.constantFrom("succeeded", "failed", "cancelled", "superseded", "skipped", "refused", "abandoned"),
    plan: digest,
    params: members,
    overrides: members,
    environmentDrift: fc.boolean(),
    sources: fc.dictionary(
      text.map((path) => `s${path}`),
      digest,
      { maxKeys: 4 },
    ),
    datasets: fc.array(
      fc.record({
        name: text.map((name) => `d${name}`),
        path: text.map((path) => `p${path}`),
        digest,
        size: count,
        uri: fc.constantFrom(null, "https://example.org/my data.csv"),
      }),
      { maxLength: 2 },
    ),
    metricSpecs: fc.array(
      fc.record({
        name: text,
        step: text,
        goal: fc.constantFrom("higher", "lower", null),
        tolerance: fc.option(fc.record({ kind: fc.constantFrom("absolute", "relative"), value: count })),
        gate: fc.option(fc.record({ operator: fc.constantFrom(">=", ">", "<=", "<", "=="), bound: count })),
        gateAction: fc.constantFrom("stop", "report"),
      }),
      { maxLength: 2 },
    ),
    steps: fc.uniqueArray(step, { maxLength: 4, selector: (candidate) => candidate.name }),
    startedAt: fc.constant("2026-01-05T10:00:00.000Z"),
    finishedAt: fc.constant("2026-01-05T10:00:46.000Z"),
    host: fc.record({ platform: text, cpus: count, memoryBytes: count, version: text }),
  })
  .map((run) => ({ ...run, steps: run.steps.map(withOwnPaths) }))
  .map((run): RunRecord => ({ ...run, id: runIdOf(run.repository, run.pipeline.id, run.source, run.request) }));
