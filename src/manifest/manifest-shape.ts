import { parseCommitSha, parseDigest, parseRunId } from "../identity/identity.ts";
import {
  anything,
  bool,
  kinds,
  list,
  map,
  nullable,
  number,
  object,
  oneOf,
  optional,
  parsed,
  text,
  type Shape,
} from "./shape.ts";

const digest = parsed(parseDigest);
const runId = parsed(parseRunId);
const isolation = oneOf(["workspace", "sandbox", "container"]);
const word = oneOf(["NaN", "Infinity", "-Infinity"]);
const digits = /^-?[1-9]\d{15,308}$/;
const metric: Shape = (value) =>
  typeof value === "number" || (typeof value === "string" && digits.test(value)) ? undefined : word(value);

const failure = kinds({
  exit: object({ code: number }),
  signal: object({ signal: text }),
  timeout: object({ limitMs: number }),
  oom: object({ limitBytes: nullable(number), peakBytes: nullable(number) }),
  lost: object({ why: text }),
  "missing-output": object({ paths: list(text) }),
  "wrong-output": object({ path: text, why: text }),
  "undeclared-write": object({ paths: list(text), missing: optional(list(text)) }),
  "changed-dataset": object({ dataset: text, path: text }),
  "disk-full": object({ path: text }),
  environment: object({ name: text, expected: text, found: text, line: text }),
  "bad-metrics": object({ path: text, why: text }),
  gate: object({ metric: text, value: text, gate: text }),
  refused: object({ why: text, next: text }),
});

const output = object({
  path: text,
  kind: oneOf(["file", "executable", "directory"]),
  digest,
  size: number,
  files: number,
});

const stepFacts = object({
  name: text,
  id: text,
  key: nullable(digest),
  terminal: bool,
  outcome: kinds({
    done: object({ result: digest, facts: object({ outputs: list(output), metrics: map(metric) }) }),
    failed: object({ failure }),
    cancelled: anything,
    "not-started": anything,
    withheld: object({ why: text }),
  }),
});

const change = kinds({
  command: object({ from: text, to: text }),
  image: object({ from: nullable(text), to: nullable(text) }),
  environment: object({ name: text, from: nullable(text), to: nullable(text) }),
  parameter: object({ name: text }),
  input: object({ path: text, change: oneOf(["added", "removed", "changed"]) }),
  upstream: object({ path: text, step: text }),
  ...Object.fromEntries(
    ["outputs", "metrics", "plots", "network", "secrets", "salt", "executor", "platform"].map((kind) => [
      kind,
      object({ from: text, to: text }),
    ]),
  ),
  "key-version": object({ from: number, to: number }),
});

const cause = kinds({
  "first-run": anything,
  changed: object({ changes: list(change) }),
  forced: anything,
  uncached: object({ why: text }),
  evicted: anything,
  unfinished: object({ failed: optional(object({ run: runId, why: text })) }),
});

const cached = object({ isolation, from: runId, domain: text });
const computed = object({ isolation, cause });
const how: Shape = (value) => {
  return typeof value === "object" && value !== null && "from" in value ? cached(value) : computed(value);
};

const attempt = object({
  attempt: number,
  startedAt: text,
  profile: object({
    wallMs: number,
    cpuUserMs: nullable(number),
    cpuSystemMs: nullable(number),
    peakBytes: nullable(number),
    method: text,
  }),
  failure: nullable(failure),
  log: nullable(digest),
});

/** Steps of the facts, in the manifest or in their own part. */
export const stepFactsShape = list(stepFacts);

/** Steps of the observations, in the manifest or in their own part. */
export const stepObservationsShape = list(
  object({
    name: text,
    how: nullable(how),
    because: nullable(text),
    peakBytes: nullable(number),
    attempts: list(attempt),
    nonDeterministic: list(digest),
  }),
);

export const sourcesShape = map(digest);
export const pathsShape = list(text);
export const paramsShape = object({ params: map(anything), overrides: map(anything) });

const spec = object({
  name: text,
  step: text,
  goal: nullable(oneOf(["higher", "lower"])),
  tolerance: nullable(object({ kind: oneOf(["absolute", "relative"]), value: number })),
  gate: nullable(object({ operator: oneOf([">=", ">", "<=", "<", "=="]), bound: number })),
  gateAction: oneOf(["stop", "report"]),
});

const deploys = object({ environment: text, number, pipeline: text, run: runId });

const facts = object({
  run: runId,
  pipeline: object({ id: text, name: text, path: text }),
  repository: text,
  source: parsed(parseCommitSha),
  dirty: nullable(object({ tree: text, paths: pathsShape })),
  request: text,
  trigger: oneOf(["push", "pull-request", "schedule", "command", "retry", "upstream", "backfill", "deploy", "local"]),
  requestedBy: nullable(text),
  approvedBy: list(text),
  pullRequest: nullable(number),
  deploys: (value) => (value === undefined ? undefined : deploys(value)),
  status: oneOf(["succeeded", "failed", "cancelled", "superseded", "skipped", "refused", "abandoned"]),
  plan: digest,
  params: map(anything),
  overrides: map(anything),
  environmentDrift: bool,
  sources: sourcesShape,
  datasets: list(object({ name: text, path: text, digest, size: number, uri: nullable(text) })),
  metrics: list(spec),
  steps: stepFactsShape,
});

const observations = object({
  startedAt: text,
  finishedAt: text,
  host: object({ platform: text, cpus: number, memoryBytes: number, version: text }),
  steps: stepObservationsShape,
});

const reference = object({ file: text, digest, count: number });
const part: Shape = (value) => (value === undefined ? undefined : reference(value));

/** What our own part of a manifest must look like before it is read as a record. */
export const extensionShape = object({
  parts: object({ sources: part, paths: part, observations: part, params: part, steps: part }),
  facts,
  observations,
});
