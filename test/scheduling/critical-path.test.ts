import { expect, test } from "vitest";

import { criticalPaths } from "../../src/scheduling/critical-path.ts";

test("a step's path is its own time and that of the longest way behind it", () => {
  const steps = [
    { name: "a", after: [] },
    { name: "b", after: ["a"] },
    { name: "c", after: ["a"] },
    { name: "d", after: ["b", "c"] },
    { name: "alone", after: [] },
  ];
  const times: Readonly<Record<string, number>> = { a: 1, b: 20, c: 300, d: 4_000, alone: 7 };
  expect(Object.fromEntries(criticalPaths(steps, (name) => times[name] ?? 0))).toEqual({
    a: 4_301,
    b: 4_020,
    c: 4_300,
    d: 4_000,
    alone: 7,
  });
  expect(criticalPaths([], () => 1).size).toBe(0);
});
