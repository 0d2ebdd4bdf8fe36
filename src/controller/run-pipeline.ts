import { concreteDocument } from "../key/concrete.ts";
import { keyOf, type StepResult } from "../key/key-document.ts";
import { differences } from "../plan/difference.ts";
import { previousOf } from "../plan/forecast.ts";
import type { Cause, Facts, Forecast, Verdict, WorkOrder, WorkStep } from "../plan/plan.ts";
import type { Clock } from "../clock/clock.ts";
import type { Dispatcher } from "../queue/dispatcher.ts";
import { aborted } from "../run/aborted.ts";
import { advance, beginRun, type RunState } from "../run/advance.ts";
import { attemptMemory, chanceOf, nextAttempt } from "../run/retry.ts";
import type { Failure } from "../run/run-record.ts";
import { endedBroken, type StepEnd, type StepJob } from "../run/step-job.ts";
import type { StepProgress } from "../run/step-progress.ts";
import type { StepTrace } from "../run/step-trace.ts";
import { refusalOf } from "../scheduling/refusal.ts";
import { createBacklog, type Backlog, type Capacity, type Demand } from "../scheduling/backlog.ts";
import { criticalPaths } from "../scheduling/critical-path.ts";

export interface RunRequest {
  readonly order: WorkOrder;
  readonly forecast: Forecast;
  readonly facts: Facts;
  readonly forced: ReadonlySet<string>;
  readonly keepGoing: boolean;
  /** Memory and GPUs of the machine; a step that asks for more is refused. */
  readonly capacity: Capacity;
  /** What the run may take at once; without bounds where the dispatcher sees to it that steps find room. */
  readonly room: Capacity;
  /** The gate that a finished step fails, if any. */
  readonly gateOf: (
    step: WorkStep,
    result: StepResult,
  ) => { readonly failure: Extract<Failure, { kind: "gate" }>; readonly stops: boolean } | undefined;
  readonly onProgress: (progress: StepProgress) => void;
  /** Stops what is under way. */
  readonly signal: AbortSignal;
  /** Somebody else goes on with the run: it is left at once, and nothing of it is cancelled. */
  readonly left?: AbortSignal;
}

export interface RunEnd {
  readonly state: RunState;
  readonly traces: readonly StepTrace[];
  readonly cancelled: boolean;
}

interface Running {
  readonly ports: { readonly dispatcher: Dispatcher<StepJob, StepEnd>; readonly clock: Clock };
  readonly request: RunRequest;
  readonly state: RunState;
  readonly traces: Map<string, StepTrace>;
  readonly backlog: Backlog;
  readonly paths: ReadonlyMap<string, number>;
  readonly verdicts: ReadonlyMap<string, Verdict>;
  readonly underWay: Map<string, StepJob>;
  /** Retries that wait for their back-off, by job id. */
  readonly waiting: Map<string, { readonly job: StepJob; readonly due: number }>;
  /** Attempts that failed and whose next one stands in the backlog, by step. */
  readonly again: Map<string, StepJob>;
  free: { memoryBytes: number; gpus: number };
  stopping: boolean;
}

/**
 * Executes one work order: what has a result is taken, the rest is started critical path first,
 * until every step has ended or can never start. Everything it does is create-only, so that two at once are harmless.
 */
export async function runPipeline(
  ports: { readonly dispatcher: Dispatcher<StepJob, StepEnd>; readonly clock: Clock },
  request: RunRequest,
): Promise<RunEnd> {
  const { state, ready } = beginRun(request.order.steps);
  const run = begin(ports, request, state);
  const cancel = (): void => {
    run.stopping = true;
    for (const id of run.underWay.keys()) ports.dispatcher.cancel(id);
  };
  request.signal.addEventListener("abort", cancel, { once: true });
  arrive(run, ready);
  let next: ReturnType<typeof ports.dispatcher.next> | undefined;
  const left = request.left === undefined ? [] : [aborted(request.left)];
  while (request.left?.aborted !== true) {
    if (request.signal.aborted) cancel();
    resumeRetries(run);
    fill(run);
    if (run.underWay.size === 0 && (run.stopping || run.waiting.size === 0)) break;
    if (run.underWay.size > 0) next ??= ports.dispatcher.next();
    const answer = await Promise.race([...(next === undefined ? [] : [next]), ...wake(run), ...left]);
    if (answer === undefined) continue;
    next = undefined;
    finish(run, answer.job, answer.end.kind === "ended" ? answer.end.value : broken(run, answer.job, answer.end.error));
  }
  request.signal.removeEventListener("abort", cancel);
  return {
    state,
    traces: request.order.steps.map((step) => traceOf(run, step.name)),
    cancelled: request.signal.aborted || request.left?.aborted === true,
  };
}

function broken({ request, ports }: Running, job: StepJob, error: unknown): StepEnd {
  return request.signal.aborted ? { kind: "cancelled", attempt: null } : endedBroken(job, error, ports.clock.now());
}

function begin(ports: Running["ports"], request: RunRequest, state: RunState): Running {
  const times = new Map(request.forecast.steps.map((step) => [step.step, step.time?.medianMs]));
  const causes = new Map(request.forecast.steps.map((step) => [step.step, causeOf(step.verdict)]));
  const traces = new Map<string, StepTrace>();
  for (const step of request.order.steps) {
    traces.set(step.name, {
      step,
      key: null,
      document: null,
      result: null,
      cached: false,
      cause: causes.get(step.name) ?? { kind: "first-run" },
      failure: null,
      tail: [],
      nearMiss: undefined,
      cancelled: false,
      attempts: [],
      different: [],
    });
  }
  return {
    ports,
    request,
    state,
    traces,
    backlog: createBacklog(),
    verdicts: new Map(request.forecast.steps.map((step) => [step.step, step.verdict])),
    paths: criticalPaths(request.order.steps, (name) => times.get(name) ?? 1_000),
    underWay: new Map(),
    waiting: new Map(),
    again: new Map(),
    free: { ...request.room },
    stopping: false,
  };
}

function causeOf(verdict: Verdict): Cause {
  if (verdict.kind === "run") return verdict.cause;
  if (verdict.kind === "depends") return { kind: "changed", changes: verdict.changes };
  return { kind: "unfinished" };
}

function traceOf(run: Running, step: string): StepTrace {
  const trace = run.traces.get(step);
  if (trace === undefined) throw new Error(`running ${step}: it is not in the work order`);
  return trace;
}

/** Takes steps that became ready: a result there is used at once, which may make more ready. */
function arrive(run: Running, names: readonly string[]): void {
  const todo = [...names];
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    const trace = traceOf(run, name);
    if (run.verdicts.get(name)?.kind === "withheld") {
      advance(run.state, { kind: "withheld", step: name });
      continue;
    }
    const document = concreteDocument(trace.step.document, trace.step.inputs, {
      result: (step) => traceOf(run, step).result ?? undefined,
      part: (directory, path) => run.request.facts.part(directory, path),
    });
    if (document === undefined) throw new Error(`running ${name}: an upstream result is missing`);
    trace.document = document;
    const verdict = run.verdicts.get(name);
    trace.key = verdict?.kind === "cached" ? verdict.key : keyOf(document);
    // What the forecast found stays found; what it did not, another run may have made since.
    const found = verdict?.kind === "cached" ? verdict.result : run.request.facts.result(trace.key);
    const result = mayReuse(run, trace.step) ? found : undefined;
    if (result !== undefined) {
      trace.cached = true;
      run.request.onProgress({ kind: "cached", step: trace.step, key: trace.key, result });
      todo.push(...accept(run, trace, result));
    } else {
      if (run.verdicts.get(name)?.kind === "depends") trace.cause = causeNow(run, trace);
      enqueue(run, trace);
    }
  }
}

/** A step that hung on others has a cause only now that their bytes are known. */
function causeNow(run: Running, { step, document, key }: StepTrace): Cause {
  const past = previousOf(run.request.facts.previous(), step);
  if (past === undefined || document === null) return { kind: "first-run" };
  if (past.key === key) return { kind: "unfinished" };
  const producer = (path: string): string | undefined =>
    step.inputs.flatMap((input) => (input.kind === "output" && input.path === path ? [input.step] : []))[0];
  return { kind: "changed", changes: differences(past.document, document, producer) };
}

function mayReuse(run: Running, step: WorkStep): boolean {
  return step.step.cache && !step.step.effects && !run.request.forced.has(step.name);
}

/** Takes a result as this run's own; answers which steps it makes ready. */
function accept(run: Running, trace: StepTrace, result: StepResult): readonly string[] {
  trace.result = result;
  const gate = run.request.gateOf(trace.step, result);
  if (gate !== undefined) {
    run.request.onProgress({ kind: "gate", step: trace.step, ...gate });
    if (gate.stops) {
      trace.failure = gate.failure;
      advance(run.state, { kind: "stopped", step: trace.step.name });
      if (!run.request.keepGoing) run.stopping = true;
      return [];
    }
  }
  return advance(run.state, { kind: "succeeded", step: trace.step.name }).ready;
}

function enqueue(run: Running, trace: StepTrace): void {
  const { resources } = trace.step.step;
  const refusal = refusalOf(run.request.capacity, resources.memory?.base ?? 0, resources.gpu);
  if (refusal !== undefined) {
    trace.failure = refusal;
    advance(run.state, { kind: "failed", step: trace.step.name });
    if (!run.request.keepGoing) run.stopping = true;
    return;
  }
  run.backlog.add(demandOf(run, trace.step, 1));
}

function demandOf(run: Running, { name, step }: WorkStep, attempt: number): Demand {
  return {
    name,
    priority: step.priority,
    path: run.paths.get(name) ?? 0,
    memoryBytes: memoryOf(run, step, attempt) ?? 0,
    gpus: step.resources.gpu,
  };
}

function memoryOf({ request }: Running, { resources }: WorkStep["step"], attempt: number): number | null {
  return attemptMemory(resources.memory, attempt, request.capacity.memoryBytes);
}

/** Starts what fits into free slots. */
function fill(run: Running): void {
  while (!run.stopping && run.underWay.size < run.ports.dispatcher.slots) {
    const demand = run.backlog.take(run.free);
    if (demand === undefined) return;
    const failed = run.again.get(demand.name);
    run.again.delete(demand.name);
    start(run, traceOf(run, demand.name), (failed?.attempt ?? 0) + 1);
  }
}

function start(run: Running, trace: StepTrace, attempt: number): void {
  const { step, key, document } = trace;
  if (key === null || document === null) throw new Error(`starting ${step.name}: it has no key`);
  const job: StepJob = {
    id: `${key.slice("sha256:".length, "sha256:".length + 16)}-${attempt}`,
    step,
    key,
    document,
    attempt,
    cause: trace.cause,
    forced: run.request.forced.has(step.name),
    memoryBytes: memoryOf(run, step.step, attempt),
    upstream: (name) => traceOf(run, name).result ?? undefined,
  };
  run.free.memoryBytes -= job.memoryBytes ?? 0;
  run.free.gpus -= step.step.resources.gpu;
  run.underWay.set(job.id, job);
  if (attempt === 1) advance(run.state, { kind: "started", step: step.name });
  run.ports.dispatcher.dispatch(job);
}

function finish(run: Running, job: StepJob, end: StepEnd): void {
  run.underWay.delete(job.id);
  run.free.memoryBytes += job.memoryBytes ?? 0;
  run.free.gpus += job.step.step.resources.gpu;
  const trace = traceOf(run, job.step.name);
  if (end.attempt !== null) trace.attempts.push(end.attempt);
  switch (end.kind) {
    case "succeeded":
      trace.different = end.different;
      run.request.onProgress({ kind: "ended", step: job.step, end });
      arrive(run, accept(run, trace, end.result));
      return;
    case "found":
      trace.cached = true;
      run.request.onProgress({ kind: "cached", step: job.step, key: job.key, result: end.result });
      arrive(run, accept(run, trace, end.result));
      return;
    case "cancelled":
      trace.cancelled = true;
      run.request.onProgress({ kind: "ended", step: job.step, end });
      advance(run.state, { kind: "cancelled", step: job.step.name });
      return;
    case "failed":
      failed(run, job, end);
      return;
    default:
      end satisfies never;
  }
}

function failed(run: Running, job: StepJob, end: Extract<StepEnd, { kind: "failed" }>): void {
  const trace = traceOf(run, job.step.name);
  const repeated = trace.tail.length > 0 && trace.tail.join("\n") === end.tail.join("\n");
  trace.tail = end.tail;
  trace.nearMiss = end.nearMiss;
  const last = {
    attempt: job.attempt,
    failure: end.failure,
    sameLines: repeated,
    memoryBytes: job.memoryBytes,
    nextMemoryBytes: memoryOf(run, job.step.step, job.attempt + 1),
  };
  const retry = nextAttempt(job.step.step, last, chanceOf(run.ports.clock.random(3)));
  if (retry.kind === "retry" && !run.stopping) {
    run.request.onProgress({
      kind: "retrying",
      step: job.step,
      failure: end.failure,
      attempt: job.attempt + 1,
      delayMs: retry.delayMs,
    });
    run.waiting.set(job.id, { job, due: run.ports.clock.now() + retry.delayMs });
    return;
  }
  trace.failure = end.failure;
  run.request.onProgress({ kind: "ended", step: job.step, end });
  advance(run.state, { kind: "failed", step: job.step.name });
  if (!run.request.keepGoing) run.stopping = true;
}

/** What has waited long enough asks for room again, with the memory of its next attempt. */
function resumeRetries(run: Running): void {
  if (run.stopping) {
    const left = [...[...run.waiting.values()].map(({ job }) => job), ...run.again.values()];
    run.waiting.clear();
    run.again.clear();
    for (const job of left) abandonRetry(run, job);
    return;
  }
  for (const [id, { job, due }] of run.waiting) {
    if (due > run.ports.clock.now()) continue;
    run.waiting.delete(id);
    run.again.set(job.step.name, job);
    run.backlog.add(demandOf(run, job.step, job.attempt + 1));
  }
}

function abandonRetry(run: Running, job: StepJob): void {
  const trace = traceOf(run, job.step.name);
  trace.failure = trace.attempts.at(-1)?.failure ?? null;
  advance(run.state, { kind: "failed", step: job.step.name });
}

/** One promise that ends when the next back-off does. */
function wake(run: Running): Promise<undefined>[] {
  const due = Math.min(...[...run.waiting.values()].map((waiting) => waiting.due));
  if (!Number.isFinite(due)) return [];
  return [run.ports.clock.wait(Math.max(0, due - run.ports.clock.now()), run.request.signal)];
}
