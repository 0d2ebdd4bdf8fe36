import type { Change } from "../plan/plan.ts";
import type { PlanView } from "./plan-view.ts";

type Of<Kind extends Change["kind"]> = Extract<Change, { readonly kind: Kind }>;

/** What changed under a plan, each thing once however many steps it reaches. */
export interface PlanChanges {
  readonly parameters: readonly Of<"parameter">[];
  /** Files of the repository. */
  readonly code: readonly Of<"input">[];
  readonly data: readonly Of<"input">[];
}

export function planChanges(view: PlanView): PlanChanges {
  const datasets = new Set<string>();
  for (const step of view.order?.steps ?? []) {
    for (const input of step.inputs) if (input.kind === "dataset") datasets.add(input.entry.path);
  }
  const parameters = new Map<string, Of<"parameter">>();
  const inputs = new Map<string, Of<"input">>();
  for (const { verdict } of view.forecast?.steps ?? []) {
    for (const change of changesOf(verdict)) {
      if (change.kind === "parameter") parameters.set(change.name, change);
      else if (change.kind === "input") inputs.set(change.path, change);
    }
  }
  const sorted = [...inputs.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    parameters: [...parameters.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    code: sorted.filter((input) => !datasets.has(input.path)),
    data: sorted.filter((input) => datasets.has(input.path)),
  };
}

function changesOf(verdict: NonNullable<PlanView["forecast"]>["steps"][number]["verdict"]): readonly Change[] {
  if (verdict.kind === "depends") return verdict.changes;
  return verdict.kind === "run" && verdict.cause.kind === "changed" ? verdict.cause.changes : [];
}
