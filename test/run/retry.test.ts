import { expect, test } from "vitest";

import type { Retry } from "../../src/pipeline/pipeline.ts";
import { attemptMemory, chanceOf, nextAttempt } from "../../src/run/retry.ts";
import type { Failure } from "../../src/run/run-record.ts";

const RETRY: Retry = { attempts: 5, on: ["error"], backoff: "fixed", delayMs: 1_000, own: false };
const next = (failure: Failure, retry: Partial<Retry> = {}, sameLines = false, attempt = 2): unknown =>
  nextAttempt(
    { effects: false, retry: { ...RETRY, ...retry } },
    { attempt, failure, sameLines, memoryBytes: null, nextMemoryBytes: null },
    0.5,
  ).kind;

test.each<Failure>([
  { kind: "exit", code: 2 },
  { kind: "signal", signal: "SIGKILL" },
  { kind: "missing-output", paths: ["a"] },
  { kind: "wrong-output", path: "a", why: "b" },
  { kind: "undeclared-write", paths: ["a"] },
  { kind: "bad-metrics", path: "a", why: "b" },
  { kind: "disk-full", path: "a" },
])("%j is an error: retried where that is asked for, and not where it ends in the same lines again", (failure) => {
  expect([next(failure), next(failure, {}, true), next(failure, { on: ["lost", "timeout", "oom"] })]).toEqual([
    "retry",
    "stop",
    "stop",
  ]);
});

test.each<Failure>([
  { kind: "refused", why: "a", next: "b" },
  { kind: "environment", name: "a", expected: "b", found: "c", line: "d" },
  { kind: "gate", metric: "a", value: "b", gate: "c" },
  { kind: "changed-dataset", dataset: "a", path: "b" },
])("%j is never retried", (failure) => {
  expect(next(failure)).toBe("stop");
});

test("an exit code is retried by its own number or as an error", () => {
  const exit = { kind: "exit", code: 75 } as const;
  expect([next(exit, { on: ["exit:75"] }), next(exit, { on: ["exit:7"] }), next(exit, { on: [] })]).toEqual([
    "retry",
    "stop",
    "stop",
  ]);
  expect(next({ kind: "signal", signal: "75" }, { on: ["exit:75"] })).toBe("stop");
});

test("what is lost or takes too long is retried under that name, also in the same lines", () => {
  const [lost, timeout] = [{ kind: "lost", why: "x" } as const, { kind: "timeout", limitMs: 1 } as const];
  expect([next(lost, { on: ["lost"] }, true), next(timeout, { on: ["timeout"] }, true)]).toEqual(["retry", "retry"]);
  expect([next(lost), next(timeout)]).toEqual(["stop", "stop"]);
});

test("without a limit more memory is no cure", () => {
  expect(next({ kind: "oom", limitBytes: null, peakBytes: null }, { on: ["oom"] })).toBe("stop");
});

test("the last attempt is the last", () => {
  const failure = { kind: "exit", code: 1 } as const;
  expect([next(failure, {}, false, 4), next(failure, {}, false, 5), next(failure, {}, false, 6)]).toEqual([
    "retry",
    "stop",
    "stop",
  ]);
});

test("an attempt is given its base times the factor for each one before it, in whole bytes", () => {
  const memory = { base: 100, factor: 1.5, max: 300 };
  expect([1, 2, 3, 4].map((attempt) => attemptMemory(memory, attempt, 1_000))).toEqual([100, 150, 225, 300]);
  expect([1, 2, 3, 4].map((attempt) => attemptMemory(memory, attempt, 200))).toEqual([100, 150, 200, 200]);
  expect(attemptMemory({ ...memory, base: 101 }, 2, 1_000)).toBe(151);
  // A step that asks for more than the machine has is not made smaller: it is refused.
  expect(attemptMemory(memory, 1, 50)).toBe(100);
});

test("three random bytes are a chance from 0 to below 1", () => {
  expect(chanceOf(new Uint8Array([0, 0, 0]))).toBe(0);
  expect(chanceOf(new Uint8Array([128, 0, 0]))).toBe(0.5);
  expect(chanceOf(new Uint8Array([0, 128, 0]))).toBe(2 ** -9);
  expect(chanceOf(new Uint8Array([0, 0, 1]))).toBe(2 ** -24);
  expect(chanceOf(new Uint8Array([255, 255, 255]))).toBe(1 - 2 ** -24);
  expect(chanceOf(new Uint8Array())).toBe(0);
});
