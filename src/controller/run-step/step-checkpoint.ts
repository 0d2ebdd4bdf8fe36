import type { StagedInput } from "../../executor/executor.ts";
import type { StepJob } from "../../run/step-job.ts";
import type { CheckpointOf } from "../../store/checkpoints.ts";
import type { StepContext, StepPorts } from "./step-context.ts";

/** Results that belong to one run have their checkpoint with it. */
function checkpointOf({ domain, run }: StepContext, { key, step: { step } }: StepJob): CheckpointOf {
  return { domain, key, run: step.cache && !step.effects ? null : run };
}

export function dropCheckpoint(ports: StepPorts, context: StepContext, job: StepJob): void {
  if (job.step.step.checkpoint !== null) ports.checkpoints.drop(checkpointOf(context, job));
}

/** The directory as the last attempt left it; a step that is forced begins anew. */
export function openCheckpoint(ports: StepPorts, context: StepContext, job: StepJob): readonly StagedInput[] {
  const { checkpoint } = job.step.step;
  if (checkpoint === null) return [];
  const of = checkpointOf(context, job);
  if (job.forced && job.attempt === 1) ports.checkpoints.drop(of);
  return [{ kind: "checkpoint", path: checkpoint.path, source: ports.checkpoints.open(of) }];
}
