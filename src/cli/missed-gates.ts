import { failedGate } from "../diff/failed-gate.ts";
import { nextAction } from "../report/failure-next.ts";
import { failureSentence } from "../report/failure-sentence.ts";
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
      const gate = verdict.kind === "cached" ? failedGate(order.metrics, name, verdict.result) : undefined;
      if (gate?.stops !== true) continue;
      missed = true;
      const { failure } = gate;
      world.terminal.say(
        `${paint.bad("✗")} ${voice.text(order.pipeline.name)} stops after ${voice.code(name)}: ${failureSentence(failure, voice)}\n  next: ${safeLine(nextAction(failure, name, "local"))}\n`,
      );
    }
  }
  return missed;
}
