import type { Resources, Step } from "../pipeline/pipeline.ts";
import type { Failure } from "./run-record.ts";

export type NextAttempt = { readonly kind: "retry"; readonly delayMs: number } | { readonly kind: "stop" };

/** An attempt that failed, as far as the decision about another one goes. */
export interface FailedAttempt {
  /** From 1. */
  readonly attempt: number;
  readonly failure: Failure;
  /** Whether its log ended in the same lines as that of the attempt before. */
  readonly sameLines: boolean;
  /** What it was given, and what the next one would be; null: no limit. */
  readonly memoryBytes: number | null;
  readonly nextMemoryBytes: number | null;
}

const LONGEST_DELAY_MS = 10 * 60_000;

/**
 * Whether a failed attempt is followed by another one, as the step declares it. `chance` is from 0 to below 1: an
 * exponential back-off waits any time up to its bound (full jitter), so that what failed together does not come back
 * together. The first loss of a worker is not the step's fault, and was noticed late already: it waits for nothing.
 */
export function nextAttempt(step: Pick<Step, "retry" | "effects">, last: FailedAttempt, chance: number): NextAttempt {
  const { retry } = step;
  if (last.attempt >= retry.attempts) return { kind: "stop" };
  if (step.effects && !retry.own) return { kind: "stop" };
  if (!isAsked(retry.on, last.failure) || isHopeless(last)) return { kind: "stop" };
  if (last.failure.kind === "lost" && last.attempt === 1) return { kind: "retry", delayMs: 0 };
  if (retry.backoff === "fixed") return { kind: "retry", delayMs: Math.min(retry.delayMs, LONGEST_DELAY_MS) };
  const bound = Math.min(retry.delayMs * 2 ** (last.attempt - 1), LONGEST_DELAY_MS);
  return { kind: "retry", delayMs: Math.floor(bound * chance) };
}

/**
 * Bytes that an attempt is given: `base × factor^(attempt − 1)`, at most `max` and at most what the machine has.
 * Null: no limit.
 */
export function attemptMemory(memory: Resources["memory"], attempt: number, capacityBytes: number): number | null {
  if (memory === null) return null;
  const grown = memory.base * memory.factor ** (attempt - 1);
  return Math.max(memory.base, Math.min(Math.floor(grown), memory.max, capacityBytes));
}

function isAsked(on: Step["retry"]["on"], failure: Failure): boolean {
  if (failure.kind === "exit" && on.includes(`exit:${failure.code}`)) return true;
  return on.includes(reasonOf(failure));
}

function reasonOf(failure: Failure): "lost" | "error" | "timeout" | "oom" {
  if (failure.kind === "lost" || failure.kind === "timeout" || failure.kind === "oom") return failure.kind;
  return "error";
}

/** What another attempt would only repeat. */
function isHopeless({ failure, sameLines, memoryBytes, nextMemoryBytes }: FailedAttempt): boolean {
  switch (failure.kind) {
    case "lost":
    case "timeout":
      return false;
    case "oom":
      return nextMemoryBytes === memoryBytes;
    // A person has to change something first.
    case "refused":
    case "environment":
    case "gate":
    case "changed-dataset":
      return true;
    case "exit":
    case "signal":
    case "missing-output":
    case "wrong-output":
    case "undeclared-write":
    case "bad-metrics":
    case "disk-full":
      return sameLines;
    default:
      return failure satisfies never;
  }
}

/** Three random bytes as a number from 0 to below 1. */
export function chanceOf([a = 0, b = 0, c = 0]: Uint8Array): number {
  return (a * 65_536 + b * 256 + c) / 2 ** 24;
}
