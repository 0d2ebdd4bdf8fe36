import fc from "fast-check";
import { expect, test } from "vitest";

import type { Retry } from "../../src/pipeline/pipeline.ts";
import { attemptMemory, nextAttempt, type FailedAttempt } from "../../src/run/retry.ts";
import type { Failure } from "../../src/run/run-record.ts";

const curable: fc.Arbitrary<readonly [Retry["on"][number], Failure]> = fc.oneof(
  fc.constant(["lost", { kind: "lost", why: "its worker died" }] as const),
  fc.constant(["timeout", { kind: "timeout", limitMs: 1 }] as const),
  fc.constant(["oom", { kind: "oom", limitBytes: 1, peakBytes: 1 }] as const),
  fc.constant(["error", { kind: "missing-output", paths: ["a"] }] as const),
  fc.integer({ min: 1, max: 255 }).map((code) => [`exit:${code}`, { kind: "exit", code }] as const),
);
const chances = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

function failed(failure: Failure, more: Partial<FailedAttempt> = {}): FailedAttempt {
  return { attempt: 1, failure, sameLines: false, memoryBytes: 1, nextMemoryBytes: 2, ...more };
}

function step(retry: Partial<Retry>, effects = false): Parameters<typeof nextAttempt>[0] {
  return {
    effects,
    retry: { attempts: 3, on: ["lost"], backoff: "exponential", delayMs: 5_000, own: false, ...retry },
  };
}

test("only what is asked for is retried, and never more often than declared", () => {
  fc.assert(
    fc.property(
      curable,
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 6 }),
      chances,
      ([reason, failure], attempts, attempt, chance) => {
        const asked = nextAttempt(step({ attempts, on: [reason] }), failed(failure, { attempt }), chance);
        expect(asked.kind).toBe(attempt < attempts ? "retry" : "stop");
        expect(nextAttempt(step({ attempts, on: [] }), failed(failure, { attempt }), chance).kind).toBe("stop");
      },
    ),
  );
});

test("an exponential wait is anything up to a bound that doubles, and no wait is longer than ten minutes", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 3_600_000 }),
      fc.integer({ min: 1, max: 99 }),
      chances,
      (delayMs, attempt, chance) => {
        const timeout = failed({ kind: "timeout", limitMs: 1 }, { attempt });
        const next = nextAttempt(step({ attempts: 100, on: ["timeout"], delayMs }), timeout, chance);
        const bound = Math.min(delayMs * 2 ** (attempt - 1), 600_000);
        expect(next).toEqual({ kind: "retry", delayMs: Math.floor(bound * chance) });
        const fixed = step({ attempts: 100, on: ["timeout"], delayMs, backoff: "fixed" });
        expect(nextAttempt(fixed, timeout, chance)).toEqual({ kind: "retry", delayMs: Math.min(delayMs, 600_000) });
      },
    ),
  );
});

test("what failed together does not come back together", () => {
  const timeout = failed({ kind: "timeout", limitMs: 1 }, { attempt: 3 });
  const waits = Array.from({ length: 100 }, (_, at) =>
    nextAttempt(step({ attempts: 9, on: ["timeout"] }), timeout, at / 100),
  );
  expect(new Set(waits.map((wait) => (wait.kind === "retry" ? wait.delayMs : -1))).size).toBe(100);
});

test("the first loss is retried at once, later ones back off", () => {
  const lost: Failure = { kind: "lost", why: "its worker died" };
  expect(nextAttempt(step({}), failed(lost), 0.5)).toEqual({ kind: "retry", delayMs: 0 });
  expect(nextAttempt(step({}), failed(lost, { attempt: 2 }), 0.5)).toEqual({ kind: "retry", delayMs: 5_000 });
});

test("what cannot be cured stops early, whatever is asked for", () => {
  const all = step({ attempts: 9, on: ["lost", "error", "timeout", "oom"], own: true });
  const kind = (last: FailedAttempt): string => nextAttempt(all, last, 0).kind;
  expect(kind(failed({ kind: "refused", why: "", next: "" }))).toBe("stop");
  expect(kind(failed({ kind: "environment", name: "python", expected: "3", found: "2", line: "" }))).toBe("stop");
  expect(kind(failed({ kind: "changed-dataset", dataset: "d", path: "p" }))).toBe("stop");
  expect(kind(failed({ kind: "exit", code: 1 }, { sameLines: true }))).toBe("stop");
  expect(kind(failed({ kind: "missing-output", paths: ["a"] }, { sameLines: true }))).toBe("stop");
  // Two losses or timeouts say nothing about a third attempt.
  expect(kind(failed({ kind: "timeout", limitMs: 1 }, { sameLines: true }))).toBe("retry");
  // The same memory would run out again.
  const oom: Failure = { kind: "oom", limitBytes: 4, peakBytes: 4 };
  expect(kind(failed(oom, { memoryBytes: 4, nextMemoryBytes: 4 }))).toBe("stop");
  expect(kind(failed(oom, { memoryBytes: 4, nextMemoryBytes: 8 }))).toBe("retry");
});

test("effects are retried only where the step itself says so", () => {
  const lost = failed({ kind: "lost", why: "" });
  expect(nextAttempt(step({}, true), lost, 0).kind).toBe("stop");
  expect(nextAttempt(step({ own: true }, true), lost, 0).kind).toBe("retry");
});

test("memory never shrinks from attempt to attempt, starts at its base and stays within its bounds", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 ** 40 }),
      fc.double({ min: 1, max: 8, noNaN: true }),
      fc.nat(2 ** 40),
      fc.nat(2 ** 40),
      (base, factor, more, room) => {
        const memory = { base, factor, max: base + more };
        let before = base;
        for (let attempt = 1; attempt <= 12; attempt++) {
          const given = attemptMemory(memory, attempt, base + room) ?? 0;
          if (attempt === 1) expect(given).toBe(base);
          expect(given).toBeGreaterThanOrEqual(before);
          expect(given).toBeLessThanOrEqual(Math.min(memory.max, base + room));
          before = given;
        }
      },
    ),
  );
  expect(attemptMemory(null, 5, 10)).toBeNull();
});
