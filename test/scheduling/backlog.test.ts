import fc from "fast-check";
import { expect, test } from "vitest";

import { createBacklog, type Backlog, type Demand } from "../../src/scheduling/backlog.ts";

const ALL = { memoryBytes: 10, gpus: 2 };
const demand = (name: string, more: Partial<Demand> = {}): Demand => ({
  name,
  priority: 0,
  path: 0,
  memoryBytes: 0,
  gpus: 0,
  ...more,
});

function takenFrom(backlog: Backlog): readonly string[] {
  const names: string[] = [];
  for (let next = backlog.take(ALL); next !== undefined; next = backlog.take(ALL)) names.push(next.name);
  return names;
}

test("a priority comes before the critical path, that before the name", () => {
  const drawn = fc.uniqueArray(
    fc.record({
      name: fc.constantFrom(..."abcdefgh"),
      priority: fc.integer({ min: -1, max: 1 }),
      path: fc.integer({ min: 0, max: 2 }),
    }),
    { selector: ({ name }) => name },
  );
  fc.assert(
    fc.property(drawn, (steps) => {
      const backlog = createBacklog();
      for (const { name, ...more } of steps) backlog.add(demand(name, more));
      const rank = ({ name, priority, path }: (typeof steps)[number]): string => `${5 - priority} ${5 - path} ${name}`;
      const expected = steps.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1)).map(({ name }) => name);
      expect(takenFrom(backlog)).toEqual(expected);
    }),
  );
});

test("what asks for more memory or GPUs than are free lets others before it, exactly as much as is free does not", () => {
  const backlog = createBacklog();
  backlog.add(demand("memory", { path: 3, memoryBytes: 8 }));
  backlog.add(demand("gpus", { path: 2, gpus: 2 }));
  backlog.add(demand("small", { path: 1 }));
  expect(backlog.take({ memoryBytes: 7, gpus: 1 })?.name).toBe("small");
  expect(backlog.take({ memoryBytes: 7, gpus: 1 })).toBeUndefined();
  expect(backlog.take({ memoryBytes: 7, gpus: 2 })?.name).toBe("gpus");
  expect(backlog.take({ memoryBytes: 8, gpus: 0 })?.name).toBe("memory");
  expect(backlog.take(ALL)).toBeUndefined();
});

test("a machine that is full passes nobody over: only what overtakes is counted", () => {
  const backlog = createBacklog();
  backlog.add(demand("large", { path: 1, memoryBytes: 10 }));
  for (let time = 0; time < 100; time++) expect(backlog.take({ memoryBytes: 5, gpus: 0 })).toBeUndefined();
  for (let nth = 0; nth < 16; nth++) {
    backlog.add(demand(`small${nth}`));
    expect(backlog.take({ memoryBytes: 5, gpus: 0 })?.name).toBe(`small${nth}`);
  }
  backlog.add(demand("late"));
  expect(backlog.take({ memoryBytes: 5, gpus: 0 })).toBeUndefined();
  expect(takenFrom(backlog)).toEqual(["large", "late"]);
});
