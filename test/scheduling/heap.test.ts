import fc from "fast-check";
import { expect, test } from "vitest";

import { heapOf } from "../../src/scheduling/heap.ts";

interface Value {
  readonly rank: number;
}

test("whatever comes and goes, the first by the order is at hand", () => {
  const change = fc.oneof(fc.record({ rank: fc.integer({ min: 0, max: 50 }) }), fc.constant("pop" as const));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 100, size: "max" }), (changes) => {
      const heap = heapOf<Value>((a, b) => a.rank - b.rank);
      let sorted: readonly number[] = [];
      for (const one of changes) {
        if (one === "pop") {
          expect(heap.pop()?.rank).toBe(sorted[0]);
          sorted = sorted.slice(1);
        } else {
          heap.push(one);
          sorted = [...sorted, one.rank].toSorted((a, b) => a - b);
        }
        expect([heap.size, heap.first()?.rank]).toEqual([sorted.length, sorted[0]]);
      }
    }),
  );
});
