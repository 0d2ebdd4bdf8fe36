import { advance } from "../../run/advance.ts";
import { chanceOf, nextAttempt } from "../../run/retry.ts";
import type { StepEnd, StepJob } from "../../run/step-job.ts";
import { roomOf } from "../../scheduling/step-room.ts";
import { accept, arrive, demandOf } from "./arrive.ts";
import { memoryOf, traceOf, type Running } from "./running.ts";

export function finish(run: Running, job: StepJob, end: StepEnd): void {
  run.underWay.delete(job.id);
  const { memoryBytes, gpus } = roomOf(job.step.step, job.memoryBytes);
  run.free.memoryBytes += memoryBytes;
  run.free.gpus += gpus;
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
    nextMemoryBytes: memoryOf(run, job.step, job.attempt + 1),
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
export function resumeRetries(run: Running): void {
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
export function wake(run: Running): Promise<undefined>[] {
  const due = Math.min(...[...run.waiting.values()].map((waiting) => waiting.due));
  if (!Number.isFinite(due)) return [];
  return [run.ports.clock.wait(Math.max(0, due - run.ports.clock.now()), run.request.signal)];
}
