import type { Step } from "../pipeline/pipeline.ts";
import type { Room } from "./queued-step.ts";

/** What an attempt takes of its worker's machine: a job elsewhere takes a slot and nothing else. */
export function roomOf(
  { executor, resources }: Pick<Step, "executor" | "resources">,
  memoryBytes: number | null,
): Room {
  if (executor === "slurm" || executor === "kubernetes") return { cpu: 0, memoryBytes: 0, gpus: 0 };
  return { cpu: resources.cpu, memoryBytes: memoryBytes ?? 0, gpus: resources.gpu };
}
