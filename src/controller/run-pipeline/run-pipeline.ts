import { aborted } from "../../run/aborted.ts";
import { advance, beginRun, type RunState } from "../../run/advance.ts";
import { endedBroken, type StepEnd, type StepJob } from "../../run/step-job.ts";
import type { StepTrace } from "../../run/step-trace.ts";
import { roomOf } from "../../scheduling/step-room.ts";
import { arrive } from "./arrive.ts";
import { finish, resumeRetries, wake } from "./finish.ts";
import { begin, memoryOf, traceOf, type Running, type RunRequest } from "./running.ts";

export interface RunEnd {
  readonly state: RunState;
  readonly traces: readonly StepTrace[];
  readonly cancelled: boolean;
}

/**
 * Executes one work order: what has a result is taken, the rest is started critical path first,
 * until every step has ended or can never start. Everything it does is create-only, so that two at once are harmless.
 */
export async function runPipeline(ports: Running["ports"], request: RunRequest): Promise<RunEnd> {
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
    memoryBytes: memoryOf(run, step, attempt),
    upstream: (name) => traceOf(run, name).result ?? undefined,
  };
  const { memoryBytes, gpus } = roomOf(step.step, job.memoryBytes);
  run.free.memoryBytes -= memoryBytes;
  run.free.gpus -= gpus;
  run.underWay.set(job.id, job);
  if (attempt === 1) advance(run.state, { kind: "started", step: step.name });
  run.ports.dispatcher.dispatch(job);
}
