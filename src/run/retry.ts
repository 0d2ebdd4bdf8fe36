import type { Step } from "../pipeline/pipeline.ts";
import type { Failure } from "./run-record.ts";

export type NextAttempt = { readonly kind: "retry"; readonly delayMs: number } | { readonly kind: "stop" };

const LONGEST_DELAY_MS = 10 * 60_000;

/** Whether a failed attempt is followed by another one: attempts, reasons and delays as the step declares them. */
export function nextAttempt(
  step: Pick<Step, "retry" | "effects">,
  last: { readonly attempt: number; readonly failure: Failure; readonly sameLines: boolean },
): NextAttempt {
  const { retry } = step;
  if (last.attempt >= retry.attempts) return { kind: "stop" };
  if (step.effects && !retry.own) return { kind: "stop" };
  // Two attempts that end in the same lines will end in them a third time.
  if (last.sameLines && last.failure.kind === "exit") return { kind: "stop" };
  const reason = reasonOf(last.failure);
  const asked =
    retry.on.includes(reason) || (last.failure.kind === "exit" && retry.on.includes(`exit:${last.failure.code}`));
  if (!asked) return { kind: "stop" };
  const factor = retry.backoff === "exponential" ? 2 ** (last.attempt - 1) : 1;
  return { kind: "retry", delayMs: Math.min(retry.delayMs * factor, LONGEST_DELAY_MS) };
}

function reasonOf(failure: Failure): "lost" | "error" | "timeout" | "oom" {
  if (failure.kind === "lost" || failure.kind === "timeout" || failure.kind === "oom") return failure.kind;
  return "error";
}
