import { concreteDocument } from "../key/concrete.ts";
import { keyOf, type StepResult } from "../key/key-document.ts";
import type { Facts, Forecast, PastStep, WorkOrder } from "./plan.ts";

/** What a plan would have run, in the place of what has run: causes can be told against it. */
export function pastSteps(
  order: WorkOrder,
  forecast: Forecast | null,
  facts: Pick<Facts, "part">,
): readonly PastStep[] {
  const verdicts = new Map(forecast?.steps.map((one) => [one.step, one.verdict]));
  const results = new Map<string, StepResult>();
  return order.steps.map((step) => {
    const verdict = verdicts.get(step.name);
    if (verdict?.kind === "cached") results.set(step.name, verdict.result);
    const document =
      concreteDocument(step.document, step.inputs, {
        result: (name) => results.get(name),
        part: (directory, path) => facts.part(directory, path),
      }) ?? step.document;
    return { name: step.name, id: step.id, key: keyOf(document), document, result: null };
  });
}
