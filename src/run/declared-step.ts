import type { Isolation } from "../key/key-document.ts";
import { flowItem } from "../pipeline/flow-item.ts";
import type { Output } from "../pipeline/pipeline.ts";
import type { WorkStep } from "../plan/plan.ts";
import { readBy } from "./near-miss.ts";

/** What a step declares, as far as its failure may ask for another declaration. */
export interface DeclaredStep {
  /** Paths of its inputs as they were found. */
  readonly read: readonly string[];
  /** Entries of `outputs:` as items of a YAML list. */
  readonly outputs: readonly string[];
  /** True where nothing outside could be reached from it. */
  readonly closed: boolean;
}

/** Isolation: of processes where it ran; null where nobody knows. */
export function declaredStep({ inputs, step }: WorkStep, isolation: Isolation | null): DeclaredStep {
  const walled =
    step.executor === "container" ||
    step.executor === "kubernetes" ||
    (step.executor === "process" && isolation === "sandbox");
  return { read: readBy(inputs), outputs: step.outputs.map(itemOf), closed: walled && !step.network };
}

function itemOf({ path, directory, type }: Output): string {
  const item = flowItem(directory ? `${path}/` : path);
  return type === null ? item : `{ path: ${item}, type: ${flowItem(type)} }`;
}
