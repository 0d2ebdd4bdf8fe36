import { failedGate } from "../diff/failed-gate.ts";
import { nextAction } from "../report/failure-next.ts";
import { failureSentence } from "../report/failure-sentence.ts";
import { unwrittenMetric } from "../report/missing-metrics.ts";
import { safeLine } from "../report/safe-text.ts";
import { terminalVoice } from "../report/voice.ts";
import { paintOf } from "./history.ts";
import type { Runnable } from "./runnable.ts";
import type { World } from "./world.ts";

/** Says which gates the results that are there already miss, and what to do; true where there is one. */
export function tellMissedGates(world: World, runnable: readonly Runnable[]): boolean {
  const paint = paintOf(world);
  const voice = terminalVoice(paint);
  let missed = false;
  for (const { order, forecast } of runnable) {
    for (const { step: name, verdict } of forecast.steps) {
      if (verdict.kind !== "cached") continue;
      const { metrics } = verdict.result.facts;
      const gate = failedGate(order.metrics, name, verdict.result);
      if (gate?.stops !== true) continue;
      missed = true;
      const { failure } = gate;
      const wrote = failure.value === "missing" ? `  ${unwrittenMetric(name, failure.metric, metrics)}\n` : "";
      world.terminal.say(
        `${paint.bad("✗")} ${voice.text(order.pipeline.name)} stops after ${voice.code(name)}: ${failureSentence(failure, voice)}\n${wrote}  next: ${safeLine(nextAction(failure, name, "local"))}\n`,
      );
    }
  }
  return missed;
}
