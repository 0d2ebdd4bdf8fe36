import * as fc from "fast-check";
import { expect, test } from "vitest";

import { counts, roomFor } from "../../src/scheduling/write-budget.ts";

const BEGAN = 1_790_000_000_000;

test("never more than sixty writes a minute and four hundred an hour, and waiting as long as told is enough", () => {
  const writes = fc.record({ gap: fc.integer({ min: 0, max: 9_000 }), count: fc.integer({ min: 1, max: 5 }) });
  fc.assert(
    fc.property(fc.array(writes, { minLength: 1, maxLength: 300 }), (asked) => {
      let now = BEGAN;
      const made: number[] = [];
      for (const { gap, count } of asked) {
        now += gap;
        const spent = roomFor(count, { made, now });
        if (spent.kind === "wait") {
          expect(spent.afterMs).toBeGreaterThan(0);
          expect(roomFor(count, { made, now: now + spent.afterMs - 1 }).kind).toBe("wait");
          now += spent.afterMs;
        }
        expect(roomFor(count, { made, now })).toEqual({ kind: "ok" });
        for (let write = 0; write < count; write++) made.push(now);
        expect(made.filter((at) => at > now - 60_000).length).toBeLessThanOrEqual(60);
        expect(made.filter((at) => at > now - 3_600_000).length).toBeLessThanOrEqual(400);
      }
    }),
    { numRuns: 20 },
  );
});

test("a clock that is put back makes no write unmade", () => {
  const made = Array.from({ length: 60 }, (_, write) => BEGAN + 30_000 + write);
  expect(roomFor(1, { made, now: BEGAN })).toMatchObject({ kind: "wait" });
});

test("more at once than a minute holds goes alone", () => {
  expect(roomFor(70, { made: [], now: BEGAN })).toEqual({ kind: "ok" });
  expect(roomFor(70, { made: [BEGAN], now: BEGAN + 1 })).toEqual({ kind: "wait", afterMs: 59_999 });
});

test("what is an hour old counts no more", () => {
  expect(counts(BEGAN, BEGAN + 3_599_999)).toBe(true);
  expect(counts(BEGAN, BEGAN + 3_600_000)).toBe(false);
});

test("what a clock wrote that was more than an hour ahead counts no more", () => {
  expect(counts(BEGAN + 3_600_000, BEGAN)).toBe(true);
  expect(counts(BEGAN + 3_600_001, BEGAN)).toBe(false);
});

test("it waits for as many of the oldest writes to be over as it needs, in whatever order they are told", () => {
  const limits = { aMinute: 3, anHour: 5 };
  const made = [BEGAN + 20_000, BEGAN, BEGAN + 10_000];
  const now = BEGAN + 30_000;
  expect(roomFor(1, { made, now, limits })).toEqual({ kind: "wait", afterMs: 30_000 });
  expect(roomFor(2, { made, now, limits })).toEqual({ kind: "wait", afterMs: 40_000 });
  expect(roomFor(9, { made, now, limits })).toEqual({ kind: "wait", afterMs: 3_590_000 });
  expect(roomFor(1, { made: made.slice(1), now, limits })).toEqual({ kind: "ok" });
});

test("a write of a minute ago counts no more for the minute, and still for the hour", () => {
  const limits = { aMinute: 1, anHour: 2 };
  expect(roomFor(1, { made: [BEGAN], now: BEGAN + 59_999, limits })).toEqual({ kind: "wait", afterMs: 1 });
  expect(roomFor(1, { made: [BEGAN], now: BEGAN + 60_000, limits })).toEqual({ kind: "ok" });
  expect(roomFor(2, { made: [BEGAN], now: BEGAN + 60_000, limits })).toEqual({ kind: "wait", afterMs: 3_540_000 });
});
