import type { Step } from "../pipeline/pipeline.ts";
import type { Room } from "./queued-step.ts";

/** Whether a step is a job elsewhere: what it asks for is another machine's to give. */
export function runsElsewhere({ executor }: Pick<Step, "executor">): boolean {
  return executor === "slurm" || executor === "kubernetes";
}

/** What an attempt takes of its worker's machine: a job elsewhere takes a slot and nothing else. */
export function roomOf(step: Pick<Step, "executor" | "resources">, memoryBytes: number | null): Room {
  if (runsElsewhere(step)) return { cpu: 0, memoryBytes: 0, gpus: 0 };
  const { resources } = step;
  return { cpu: resources.cpu, memoryBytes: memoryBytes ?? 0, gpus: resources.gpu };
}
