import { expect, test } from "vitest";

import { readyOnce } from "../../src/executor/ready-once.ts";

test("what could not begin is tried again every two seconds, and told when something else is in the way", () => {
  let time = 0;
  let why: string | undefined = "no space";
  const told: unknown[] = [];
  const ready = readyOnce(
    () => {
      if (why !== undefined) throw new Error(why);
    },
    (error) => told.push(String(error)),
    () => time,
  );
  expect(ready()).toBe(false);
  time = 2_000;
  expect(ready()).toBe(false);
  why = "no descriptors";
  time = 3_999;
  expect(ready()).toBe(false);
  time = 4_000;
  expect(ready()).toBe(false);
  expect(told).toEqual(["Error: no space", "Error: no descriptors"]);
  why = undefined;
  time = 6_000;
  expect(ready()).toBe(true);
  why = "never asked again";
  time = 9_000;
  expect(ready()).toBe(true);
});

test("where nobody is told, what is in the way is an error", () => {
  expect(() =>
    readyOnce(() => {
      throw new Error("no space");
    }, undefined),
  ).toThrow("no space");
});
