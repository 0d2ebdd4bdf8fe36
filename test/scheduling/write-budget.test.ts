import * as fc from "fast-check";
import { expect, test } from "vitest";

import { spend, startBudget } from "../../src/scheduling/write-budget.ts";

test("never more than sixty writes a minute and four hundred an hour, and waiting as long as told is enough", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9_000 }), { minLength: 1, maxLength: 700 }), (gaps) => {
      let now = 1_790_000_000_000;
      let budget = startBudget();
      const made: number[] = [];
      for (const gap of gaps) {
        now += gap;
        let spent = spend(budget, now);
        if (spent.kind === "wait") {
          expect(spent.afterMs).toBeGreaterThan(0);
          now += spent.afterMs;
          spent = spend(budget, now);
        }
        // A minute's wait may end in an hour's.
        if (spent.kind === "wait") {
          now += spent.afterMs;
          spent = spend(budget, now);
        }
        if (spent.kind !== "ok") throw new Error("waiting was not enough");
        ({ budget } = spent);
        made.push(now);
        expect(made.filter((at) => at > now - 60_000).length).toBeLessThanOrEqual(60);
        expect(made.filter((at) => at > now - 3_600_000).length).toBeLessThanOrEqual(400);
      }
    }),
    { numRuns: 20 },
  );
});

test("a clock that is put back makes no write unmade", () => {
  const began = 1_790_000_000_000;
  let budget = startBudget();
  for (let write = 0; write < 60; write++) {
    const spent = spend(budget, began + 30_000 + write);
    if (spent.kind !== "ok") throw new Error("there was room");
    ({ budget } = spent);
  }
  expect(spend(budget, began)).toMatchObject({ kind: "wait" });
});
