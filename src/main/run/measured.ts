import type { Clock } from "../../clock/clock.ts";
import type { Dispatcher } from "../../queue/dispatcher.ts";
import type { StepEnd, StepJob } from "../../run/step-job.ts";
import type { StepMetrics } from "../../web/step-metrics.ts";

interface Parts {
  readonly steps: StepMetrics;
  readonly clock: Pick<Clock, "now">;
}

/** Counts how attempts end, and why others follow, whoever performed them. */
export function measured(inner: Dispatcher<StepJob, StepEnd>, { steps, clock }: Parts): Dispatcher<StepJob, StepEnd> {
  const handed = new Map<string, number>();
  const failed = new Map<string, string>();
  return {
    ...inner,
    dispatch(job) {
      handed.set(job.id, clock.now());
      const because = failed.get(job.step.name);
      if (job.attempt > 1 && because !== undefined) steps.retried(because);
      inner.dispatch(job);
    },
    async next() {
      const answer = await inner.next();
      const { job, end } = answer;
      if (end.kind === "ended") {
        const { value } = end;
        steps.attempt(value, handed.get(job.id) ?? clock.now());
        if (value.kind === "failed") failed.set(job.step.name, value.failure.kind);
      }
      handed.delete(job.id);
      return answer;
    },
  };
}
