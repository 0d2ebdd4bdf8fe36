import { expect, test } from "vitest";
import { stringify } from "yaml";

import type { Clock } from "../../src/clock/clock.ts";
import { runPipeline, type RunEnd } from "../../src/controller/run-pipeline/run-pipeline.ts";
import type { RunRequest } from "../../src/controller/run-pipeline/running.ts";
import { digestOf, type Digest } from "../../src/identity/identity.ts";
import { resultDigest, type StepResult } from "../../src/key/key-document.ts";
import { forecast } from "../../src/plan/forecast.ts";
import type { Facts } from "../../src/plan/plan.ts";
import { inProcessDispatcher } from "../../src/queue/in-process-dispatcher.ts";
import type { Failure } from "../../src/run/run-record.ts";
import type { StepEnd, StepJob } from "../../src/run/step-job.ts";
import { ordered } from "../builders/pipeline.ts";
import { resultOf } from "../builders/result.ts";

/** What each attempt of a step ends with: a failure, or undefined for a result. */
type Fate = (job: StepJob) => Failure | undefined;

interface Ran extends RunEnd {
  readonly jobs: readonly StepJob[];
  /** The most memory that was reserved at once. */
  readonly mostBytes: number;
}

interface World {
  readonly steps: Readonly<Record<string, object>>;
  readonly fate: Fate;
  readonly memoryBytes?: number;
  readonly slots?: number;
  readonly results?: Map<Digest, StepResult>;
}

/** Time that passes only by waiting. */
function quickClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    random: (bytes) => new Uint8Array(bytes).fill(128),
    wait(ms) {
      now += ms;
      return Promise.resolve(undefined);
    },
  };
}

function requestOf(steps: World["steps"], results: Map<Digest, StepResult>, memoryBytes: number): RunRequest {
  const order = ordered(stringify({ version: 1, steps }), { "in.txt": "bytes" });
  const facts: Facts = {
    result: (key) => results.get(key),
    evicted: () => false,
    previous: () => [],
    part: () => undefined,
    durations: () => [],
  };
  return {
    order,
    forecast: forecast(order, facts, { forced: new Set(), withEffects: false }),
    facts,
    forced: new Set(),
    keepGoing: true,
    capacityOf: () => ({ cpu: 8, memoryBytes, gpus: 0 }),
    room: { memoryBytes, gpus: 0 },
    gateOf: () => undefined,
    onProgress: () => undefined,
    signal: new AbortController().signal,
  };
}

async function run({ steps, fate, memoryBytes = 100, slots = 4, results = new Map() }: World): Promise<Ran> {
  const jobs: StepJob[] = [];
  let [bytes, mostBytes] = [0, 0];
  const dispatcher = inProcessDispatcher<StepJob, StepEnd>(slots, async (job) => {
    jobs.push(job);
    bytes += job.memoryBytes ?? 0;
    mostBytes = Math.max(mostBytes, bytes);
    // Every step that may start now has started before the first one ends.
    await new Promise((resolve) => setImmediate(resolve));
    bytes -= job.memoryBytes ?? 0;
    return endOf(job, fate(job), results);
  });
  const end = await runPipeline({ dispatcher, clock: quickClock() }, requestOf(steps, results, memoryBytes));
  return { ...end, jobs, mostBytes };
}

function endOf(job: StepJob, failure: Failure | undefined, results: Map<Digest, StepResult>): StepEnd {
  const profile = { wallMs: 1, cpuUserMs: null, cpuSystemMs: null, peakBytes: null, method: "none" } as const;
  const attempt = { attempt: job.attempt, startedAt: "", profile, failure: failure ?? null, log: null };
  if (failure !== undefined)
    return { kind: "failed", failure, attempt, tail: [`attempt ${job.attempt}`], nearMiss: undefined };
  const outputs = job.document.outputs.map(({ path }) => ({ path, kind: "file" as const, digest: digestOf(path) }));
  const result = resultOf(job.key, outputs);
  results.set(job.key, result);
  return { kind: "succeeded", result, digest: resultDigest(result), attempt, different: [] };
}

const oom: Failure = { kind: "oom", limitBytes: 1, peakBytes: 1 };

test("memory grows from attempt to attempt, is given to each, and is what is reserved", async () => {
  const step = (name: string): object => ({
    run: `make ${name}`,
    inputs: ["in.txt"],
    outputs: [name],
    resources: { memory: { base: "20", factor: 2, max: "80" } },
    retry: { attempts: 5, on: ["oom"] },
  });
  const { jobs, mostBytes, state } = await run({
    steps: { a: step("a"), b: step("b"), c: step("c") },
    fate: ({ memoryBytes }) => ((memoryBytes ?? 0) < 80 ? oom : undefined),
  });
  const given = (name: string): unknown[] =>
    jobs.filter(({ step: { name: of } }) => of === name).map(({ memoryBytes }) => memoryBytes);
  for (const name of ["a", "b", "c"]) expect(given(name)).toEqual([20, 40, 80]);
  expect(mostBytes).toBeLessThanOrEqual(100);
  expect([...state.stages.values()].every(({ kind }) => kind === "succeeded")).toBe(true);
});

test("memory that cannot grow any more ends the attempts, and what was reserved is free again", async () => {
  const { jobs, state } = await run({
    steps: {
      greedy: {
        run: "make greedy",
        inputs: ["in.txt"],
        outputs: ["greedy"],
        resources: { memory: { base: "60", factor: 2, max: "90" } },
        retry: { attempts: 9, on: ["oom"] },
      },
      later: { run: "make later", inputs: ["in.txt"], outputs: ["later"], resources: { memory: "100" } },
    },
    fate: ({ step }) => (step.name === "greedy" ? oom : undefined),
  });
  expect(jobs.filter(({ step }) => step.name === "greedy").map(({ memoryBytes }) => memoryBytes)).toEqual([60, 90]);
  expect(state.stages.get("greedy")).toEqual({ kind: "failed" });
  expect(state.stages.get("later")).toEqual({ kind: "succeeded" });
});

test("a machine with less than `max` gives all it has, and no more", async () => {
  const { jobs } = await run({
    memoryBytes: 70,
    steps: {
      a: {
        run: "make a",
        inputs: ["in.txt"],
        outputs: ["a"],
        resources: { memory: { base: "50" } },
        retry: { attempts: 9, on: ["oom"] },
      },
    },
    fate: () => oom,
  });
  expect(jobs.map(({ memoryBytes }) => memoryBytes)).toEqual([50, 70]);
});

test.each([
  { executor: "slurm" },
  { executor: "kubernetes", environment: { image: `r.example/i@sha256:${"0".repeat(64)}` } },
])("a step for $executor may ask for more than the machine has that submits it", async (elsewhere) => {
  const step = (name: string): object => ({
    run: `make ${name}`,
    inputs: ["in.txt"],
    outputs: [name],
    ...elsewhere,
    resources: { cpu: 64, gpu: 1, memory: { base: "300", factor: 2, max: "600" } },
    retry: { attempts: 2, on: ["oom"] },
  });
  const { jobs, state } = await run({
    steps: { a: step("a"), b: step("b") },
    fate: ({ attempt }) => (attempt === 1 ? oom : undefined),
  });
  expect(jobs.map(({ memoryBytes }) => memoryBytes)).toEqual([300, 300, 600, 600]);
  expect([...state.stages.values()]).toEqual([{ kind: "succeeded" }, { kind: "succeeded" }]);
});

test("asked again, a run computes only what failed and what hangs on it", async () => {
  const steps = {
    a: { run: "make a", inputs: ["in.txt"], outputs: ["a"] },
    b: { run: "make b", inputs: ["a"], outputs: ["b"] },
    c: { run: "make c", inputs: ["a"], outputs: ["c"] },
    d: { run: "make d", inputs: ["b", "c"], outputs: ["d"] },
  };
  const results = new Map<Digest, StepResult>();
  const names = ({ jobs }: Ran): string[] => jobs.map(({ step }) => step.name).toSorted();
  const first = await run({
    steps,
    results,
    fate: ({ step }) => (step.name === "b" ? { kind: "exit", code: 1 } : undefined),
  });
  expect(names(first)).toEqual(["a", "b", "c"]);
  expect(first.state.stages.get("d")).toEqual({ kind: "not-started", because: "b" });
  expect(names(await run({ steps, results, fate: () => undefined }))).toEqual(["b", "d"]);
  expect(names(await run({ steps, results, fate: () => undefined }))).toEqual([]);
});

test("what throws while it is performed is a lost attempt, counted and tried again as the step says", async () => {
  const steps = {
    a: { run: "make a", inputs: ["in.txt"], outputs: ["a"], retry: { attempts: 3 } },
    b: { run: "make b", inputs: ["in.txt"], outputs: ["b"] },
  };
  const throws = (until: number): Fate => {
    return ({ step, attempt }) => {
      if (step.name === "a" && attempt < until) throw new Error("the disk is gone\n    at a place in the code");
      return undefined;
    };
  };
  const lost: Failure = { kind: "lost", why: "what performed it failed, the disk is gone" };
  const second = await run({ steps, fate: throws(2) });
  expect(second.traces.map(({ attempts }) => attempts.map(({ failure }) => failure))).toEqual([[lost, null], [null]]);
  expect(second.state.stages.get("a")).toEqual({ kind: "succeeded" });
  const never = await run({ steps, fate: throws(9) });
  expect(never.traces[0]).toMatchObject({ failure: lost, attempts: [{ attempt: 1 }, { attempt: 2 }, { attempt: 3 }] });
  expect([...never.state.stages.values()]).toEqual([{ kind: "failed" }, { kind: "succeeded" }]);
});

test("a run that somebody else goes on with is left at once, and nothing of it is cancelled", async () => {
  const steps = { a: { run: "make a", inputs: ["in.txt"], outputs: ["a"] } };
  const left = new AbortController();
  const cancelled: string[] = [];
  const dispatcher = {
    slots: 1,
    // The queue was emptied: nobody will ever say how this one ended.
    dispatch: () => setImmediate(() => left.abort()),
    next: () => new Promise<never>(() => undefined),
    cancel: (id: string) => void cancelled.push(id),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const end = await runPipeline(
    { dispatcher, clock: quickClock() },
    { ...requestOf(steps, new Map(), 100), left: left.signal },
  );
  expect(end.cancelled).toBe(true);
  expect(cancelled).toEqual([]);
});
