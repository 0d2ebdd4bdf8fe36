import type { Clock } from "../../clock/clock.ts";
import type { StepResult } from "../../key/key-document.ts";
import type { Cause, Facts, Forecast, Verdict, WorkOrder, WorkStep } from "../../plan/plan.ts";
import type { Dispatcher } from "../../queue/dispatcher.ts";
import type { RunState } from "../../run/advance.ts";
import { attemptMemory } from "../../run/retry.ts";
import type { Failure } from "../../run/run-record.ts";
import type { StepEnd, StepJob } from "../../run/step-job.ts";
import type { StepProgress } from "../../run/step-progress.ts";
import type { StepTrace } from "../../run/step-trace.ts";
import { createBacklog, type Backlog, type Capacity } from "../../scheduling/backlog.ts";
import type { Room } from "../../scheduling/queued-step.ts";
import { criticalPaths } from "../../scheduling/critical-path.ts";
import { runsElsewhere } from "../../scheduling/step-room.ts";

export interface RunRequest {
  readonly order: WorkOrder;
  readonly forecast: Forecast;
  readonly facts: Facts;
  readonly forced: ReadonlySet<string>;
  readonly keepGoing: boolean;
  /** What the machine has, or the largest that a step may run on; a step that asks for more is refused. */
  readonly capacityOf: (step: WorkStep) => Room;
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

export interface Running {
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

export function begin(ports: Running["ports"], request: RunRequest, state: RunState): Running {
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

export function traceOf(run: Running, step: string): StepTrace {
  const trace = run.traces.get(step);
  if (trace === undefined) throw new Error(`running ${step}: it is not in the work order`);
  return trace;
}

export function memoryOf({ request }: Running, work: WorkStep, attempt: number): number | null {
  const bound = runsElsewhere(work.step) ? Number.POSITIVE_INFINITY : request.capacityOf(work).memoryBytes;
  return attemptMemory(work.step.resources.memory, attempt, bound);
}
