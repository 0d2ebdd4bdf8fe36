import { concreteDocument } from "../../key/concrete.ts";
import { keyOf, type StepResult } from "../../key/key-document.ts";
import { causeAgainst, previousOf } from "../../plan/forecast.ts";
import type { Cause, WorkStep } from "../../plan/plan.ts";
import { advance } from "../../run/advance.ts";
import type { Failure } from "../../run/run-record.ts";
import type { StepTrace } from "../../run/step-trace.ts";
import type { Demand } from "../../scheduling/backlog.ts";
import { refusalOf } from "../../scheduling/refusal.ts";
import { roomOf } from "../../scheduling/step-room.ts";
import { memoryOf, traceOf, type Running } from "./running.ts";

/** Takes steps that became ready: a result there is used at once, which may make more ready. */
export function arrive(run: Running, names: readonly string[]): void {
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
    if (document === undefined) {
      refuse(run, trace, { kind: "lost", why: "what a directory that it reads a part of holds is not there any more" });
      continue;
    }
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
function causeNow({ request }: Running, { step, document, key }: StepTrace): Cause {
  if (request.forced.has(step.name)) return { kind: "forced" };
  if (key !== null && request.facts.evicted(key)) return { kind: "evicted" };
  const past = previousOf(request.facts.previous(), step);
  if (past === undefined || document === null || key === null) return { kind: "first-run" };
  const { cache, effects } = step.step;
  if (past.key === key && !(cache && !effects)) {
    return { kind: "uncached", why: effects ? "effects" : "cache: false" };
  }
  return causeAgainst(past, step, { key, document });
}

function mayReuse(run: Running, step: WorkStep): boolean {
  return step.step.cache && !step.step.effects && !run.request.forced.has(step.name);
}

/** Takes a result as this run's own; answers which steps it makes ready. */
export function accept(run: Running, trace: StepTrace, result: StepResult): readonly string[] {
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
  const { step } = trace.step;
  const asks = roomOf(step, step.resources.memory?.base ?? null);
  const refusal = refusalOf(run.request.capacityOf(trace.step), asks);
  if (refusal === undefined) run.backlog.add(demandOf(run, trace.step, 1));
  else refuse(run, trace, refusal);
}

function refuse(run: Running, trace: StepTrace, failure: Failure): void {
  trace.failure = failure;
  advance(run.state, { kind: "failed", step: trace.step.name });
  if (!run.request.keepGoing) run.stopping = true;
}

export function demandOf(run: Running, work: WorkStep, attempt: number): Demand {
  const { name, step } = work;
  const { memoryBytes, gpus } = roomOf(step, memoryOf(run, work, attempt));
  return { name, priority: step.priority, path: run.paths.get(name) ?? 0, memoryBytes, gpus };
}
