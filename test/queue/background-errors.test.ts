import { expect, test } from "vitest";

import { backgroundErrors } from "../../src/queue/background-errors.ts";

test("errors are told as words alone, and not at all while everything is closed", () => {
  const told: unknown[] = [];
  const background = backgroundErrors("Redis", (error) => told.push(error));
  background.tell(Object.assign(new Error("gone"), { client: { password: "secret" } }));
  background.tell(new AggregateError([new Error("no IPv6"), new Error("no IPv4")]));
  background.tell("odd");
  background.close();
  background.tell(new Error("late"));
  expect(told.map(String)).toEqual([
    "Error: Redis: gone",
    "Error: Redis: Error: no IPv6; Error: no IPv4",
    "Error: Redis: odd",
  ]);
  expect(told.flatMap((error) => Object.keys(error as object))).toEqual([]);
});
