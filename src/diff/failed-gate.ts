import type { StepResult } from "../key/key-document.ts";
import type { MetricSpec } from "../pipeline/pipeline.ts";
import { NO_VALUE, type Failure } from "../run/run-record.ts";
import { judgeGate } from "./verdict.ts";

/** A gate that a step's metrics do not pass; `stops`: its dependants do not start. */
export interface FailedGate {
  readonly failure: Extract<Failure, { kind: "gate" }>;
  readonly stops: boolean;
}

/** The first gate that a step's result does not pass; a missing number passes none. */
export function failedGate(
  metrics: readonly Omit<MetricSpec, "at">[],
  step: string,
  { facts }: Pick<StepResult, "facts">,
): FailedGate | undefined {
  for (const spec of metrics) {
    if (spec.step !== step || spec.gate === null) continue;
    const value = facts.metrics[spec.name];
    const verdict = judgeGate(spec.gate, value);
    if (verdict.kind === "passed") continue;
    const shown = value === undefined ? NO_VALUE : String(value);
    return {
      failure: { kind: "gate", metric: spec.name, value: shown, gate: verdict.gate },
      stops: spec.gateAction === "stop",
    };
  }
  return undefined;
}
