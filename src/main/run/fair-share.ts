import type { Executable } from "../../controller/run-accepted.ts";
import type { QueuedStep } from "../../scheduling/queued-step.ts";
import { criticalPaths } from "../../scheduling/critical-path.ts";
import { roomOf } from "../../scheduling/step-room.ts";
import type { StepJob } from "../../run/step-job.ts";

/** What a step of which nothing is known is expected to take, ms. */
const USUAL_MS = 1_000;

/**
 * A part of main.ts for services: what a run's attempts ask of their pool. Weights and limits are the default branch's: a
 * run of any other commit takes its turn like everybody.
 */
export function describeSteps({ order, planned, commit }: Executable): (job: StepJob) => QueuedStep {
  const { settings } = commit.project;
  const trusted = order.domain === "main";
  const times = new Map(planned.forecast.steps.map(({ step, time }) => [step, time?.medianMs]));
  const expected = (name: string): number => Math.max(1, times.get(name) ?? USUAL_MS);
  const paths = criticalPaths(planned.order.steps, expected);
  const weight = trusted ? (settings.weights[planned.file.pipeline.name] ?? 1) : 1;
  return ({ id, step, memoryBytes }) => {
    const { resources, priority } = step.step;
    const own = settings.places[`pools.${resources.pool}`] === undefined ? undefined : settings.pools[resources.pool];
    const limit = { key: `${order.repository} ${resources.pool}`, most: own?.concurrency ?? 0 };
    return {
      id: `${order.id}-${id}`,
      flow: `${order.repository} ${order.pipeline}`,
      weight,
      cost: expected(step.name),
      priority,
      path: paths.get(step.name) ?? 0,
      demand: roomOf(step.step, memoryBytes),
      limits: trusted && own !== undefined ? [limit] : [],
    };
  };
}
