import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import { keyOf, resultDigest, type StepResult } from "../../src/key/key-document.ts";
import type { WorkStep } from "../../src/plan/plan.ts";
import { advance, beginRun, type RunEvent } from "../../src/run/advance.ts";
import { recordOf, type RunIdentity } from "../../src/run/record-of.ts";
import type { RunRecord, StepOutcome } from "../../src/run/run-record.ts";
import type { StepTrace } from "../../src/run/step-trace.ts";
import { ordered } from "../builders/pipeline.ts";
import { resultOf } from "../builders/result.ts";
import { digitsRun, runId } from "../manifest/run-records.ts";

const ORDER = ordered(`version: 1
name: sums
params: { rate: 1 }
steps:
  a: { run: a, outputs: [a.txt] }
  b: { run: b, inputs: [a.txt], metrics: [m.json] }
  c: { run: c, needs: [a], effects: true }
metrics: { accuracy: { step: b, goal: higher } }
`);
const IDENTITY: RunIdentity = {
  id: runId("7"),
  repository: "1",
  source: digitsRun().source,
  dirty: null,
  request: "local:1",
  trigger: "local",
  requestedBy: "ada",
  overrides: { rate: 1 },
  environmentDrift: false,
  sources: {},
  datasets: [],
  startedAt: "2026-01-01T00:00:00Z",
  finishedAt: "2026-01-01T00:01:00Z",
  host: digitsRun().host,
};
const EXIT = { kind: "exit", code: 1 } as const;

type Sketch = Partial<Omit<StepTrace, "step">>;

function traceOf(step: WorkStep, more: Sketch = {}): StepTrace {
  return {
    step,
    key: keyOf(step.document),
    document: step.document,
    result: null,
    cached: false,
    cause: { kind: "first-run" },
    failure: null,
    tail: [],
    nearMiss: undefined,
    cancelled: false,
    attempts: [],
    different: [],
    ...more,
  };
}

/** A run of a, b and c after these events, of whose steps this is known. */
function recorded(
  events: readonly (readonly [RunEvent["kind"], string])[],
  sketches: Readonly<Record<string, Sketch>> = {},
  cancelled = false,
): RunRecord {
  const { state } = beginRun(ORDER.steps);
  for (const [kind, step] of events) advance(state, { kind, step });
  const traces = ORDER.steps.map((step) => traceOf(step, sketches[step.name]));
  return recordOf(IDENTITY, ORDER, { state, traces, cancelled });
}
const outcomes = (record: RunRecord): Readonly<Record<string, StepOutcome>> =>
  Object.fromEntries(record.steps.map(({ name, outcome }) => [name, outcome]));

function made(run: string, name = "a"): StepResult {
  const step = ORDER.steps.find((one) => one.name === name);
  if (step === undefined) throw new Error(`no step ${name}`);
  const result = resultOf(keyOf(step.document), []);
  return { ...result, made: { ...result.made, run: runId(run), domain: "main", isolation: "sandbox" } };
}

const ALL = [
  ["succeeded", "a"],
  ["succeeded", "b"],
  ["withheld", "c"],
] as const;
const RESULTS = { a: { result: made("7") }, b: { result: made("7", "b") } };

test("a run says what it ran, of which order, with which parameters and metrics", () => {
  const { steps, ...record } = recorded(ALL, RESULTS);
  expect(record).toEqual({
    ...IDENTITY,
    pipeline: { id: "sums", name: "sums", path: "pipelines/p.yaml" },
    approvedBy: [],
    pullRequest: null,
    status: "succeeded",
    plan: ORDER.digest,
    params: { rate: 1 },
    metricSpecs: [{ name: "accuracy", step: "b", goal: "higher", tolerance: null, gate: null, gateAction: "stop" }],
  });
  expect(steps.map(({ name, id, terminal }) => [name, id, terminal])).toEqual([
    ["a", "a", false],
    ["b", "b", true],
    ["c", "c", true],
  ]);
});

test("of a step its key, attempts and other results are kept", () => {
  const attempt = digitsRun().steps[0]?.attempts[0];
  if (attempt === undefined) throw new Error("it was attempted");
  const different = [digestOf("another result")];
  const [a] = recorded(ALL, { ...RESULTS, a: { result: made("7"), attempts: [attempt], different } }).steps;
  const document = ORDER.steps[0]?.document;
  expect(a).toMatchObject({ document, attempts: [attempt], nonDeterministic: different });
  expect(a?.key).toBe(document && keyOf(document));
});

test("a result of this run is its success, also where it was found again, one of another run is a cache hit", () => {
  const result = made("7");
  const success = {
    kind: "succeeded",
    result: resultDigest(result),
    facts: result.facts,
    isolation: "sandbox",
    cause: { kind: "first-run" },
  };
  expect(outcomes(recorded(ALL, { ...RESULTS, a: { result } }))["a"]).toEqual(success);
  expect(outcomes(recorded(ALL, { ...RESULTS, a: { result, cached: true } }))["a"]).toEqual(success);
  const other = made("8");
  expect(outcomes(recorded(ALL, { ...RESULTS, a: { result: other, cached: true } }))["a"]).toEqual({
    kind: "cached",
    result: resultDigest(other),
    facts: other.facts,
    isolation: "sandbox",
    from: runId("8"),
    domain: "main",
  });
  expect(outcomes(recorded(ALL, { ...RESULTS, a: { result: other } }))["a"]?.kind).toBe("succeeded");
});

test("a failure ends a run as failed, and what did not start says because of which step", () => {
  const record = recorded([["failed", "a"]], { a: { failure: EXIT } });
  expect(record.status).toBe("failed");
  expect(outcomes(record)).toEqual({
    a: { kind: "failed", failure: EXIT },
    b: { kind: "not-started", because: "a" },
    c: { kind: "not-started", because: "a" },
  });
});

test("a gate that was not passed fails a run whose steps have all succeeded", () => {
  const gate = { kind: "gate", metric: "accuracy", value: "0.9", gate: ">= 0.95" } as const;
  const record = recorded(ALL, { ...RESULTS, b: { result: made("7", "b"), failure: gate } });
  expect([record.status, outcomes(record)["b"]?.kind]).toEqual(["failed", "succeeded"]);
});

test("a run that was cancelled is that, whatever its steps came to", () => {
  const record = recorded([["succeeded", "a"]], { a: { result: made("7") }, b: { cancelled: true } }, true);
  expect(record.status).toBe("cancelled");
  expect(outcomes(record)["b"]).toEqual({ kind: "cancelled" });
  expect(outcomes(record)["c"]).toEqual({ kind: "not-started", because: "the run stopped before" });
  expect(recorded(ALL, RESULTS, true).status).toBe("cancelled");
});

test("a run that stopped before its steps ended has failed", () => {
  const record = recorded([["succeeded", "a"]], { a: { result: made("7") } });
  expect(record.status).toBe("failed");
  expect(outcomes(record)["b"]).toEqual({ kind: "not-started", because: "the run stopped before" });
  expect(outcomes(recorded([["failed", "b"]]))["b"]).toEqual({ kind: "not-started", because: "b" });
});

test("what is left out says why: for its own effects, or for what it comes after", () => {
  expect(outcomes(recorded([["withheld", "a"]]))).toEqual({
    a: { kind: "withheld", why: "what it comes after is left out" },
    b: { kind: "withheld", why: "what it comes after is left out" },
    c: { kind: "withheld", why: "it changes the outside world" },
  });
  expect(recorded([["withheld", "a"]]).status).toBe("succeeded");
});
