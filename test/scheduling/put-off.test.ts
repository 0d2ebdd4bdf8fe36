import { expect, test } from "vitest";

import { putOff, waitsUntil, type PutOff } from "../../src/scheduling/put-off.ts";

const NOW = 1_790_000_000_000;

test("each try in a row waits twice as long as the one before, a minute at most", () => {
  const waits: number[] = [];
  let off: PutOff | undefined;
  for (let time = 1; time <= 6; time++) {
    off = putOff(off, { digest: "one", now: NOW });
    expect([off.digest, off.tries]).toEqual(["one", time]);
    waits.push(waitsUntil(off, "one") - NOW);
  }
  expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
});

test("another thing has not been tried yet", () => {
  const off = putOff(putOff(undefined, { digest: "one", now: NOW }), { digest: "one", now: NOW });
  expect(waitsUntil(off, "other")).toBe(0);
  expect(waitsUntil(undefined, "other")).toBe(0);
  expect(putOff(off, { digest: "other", now: NOW })).toEqual({ digest: "other", tries: 1, until: NOW + 5_000 });
});
