import { expect, test } from "vitest";

import { readyOnce } from "../../src/executor/ready-once.ts";

test("what could not begin is tried again every two seconds, and told when something else is in the way", async () => {
  let time = 0;
  let why: string | undefined = "no space";
  const told: unknown[] = [];
  const { ready, tried } = readyOnce(
    () => {
      if (why !== undefined) throw new Error(why);
      return Promise.resolve();
    },
    (error) => told.push(String(error)),
    () => time,
  );
  await tried;
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
  expect(ready()).toBe(false);
  await Promise.resolve();
  expect(ready()).toBe(true);
  why = "never asked again";
  time = 9_000;
  expect(ready()).toBe(true);
});

test("nothing is ready before what begins says so, what dies meanwhile is told once and begun anew", async () => {
  let time = 0;
  const begun: PromiseWithResolvers<void>[] = [];
  const told: unknown[] = [];
  const { ready, tried } = readyOnce(
    () => {
      const one = Promise.withResolvers<void>();
      begun.push(one);
      return one.promise;
    },
    (error) => told.push(String(error)),
    () => time,
  );
  time = 10_000;
  expect(ready()).toBe(false);
  expect(begun).toHaveLength(1);
  begun[0]?.reject(new Error("it ended"));
  await tried;
  expect(ready()).toBe(false);
  begun[1]?.reject(new Error("it ended"));
  await Promise.resolve();
  time = 11_999;
  expect([ready(), begun.length]).toEqual([false, 2]);
  time = 12_000;
  expect([ready(), begun.length]).toEqual([false, 3]);
  expect(told).toEqual(["Error: it ended"]);
  begun[2]?.resolve();
  await begun[2]?.promise;
  expect(ready()).toBe(true);
});

test("where nobody is told, what is in the way is an error", () => {
  expect(() =>
    readyOnce(() => {
      throw new Error("no space");
    }, undefined),
  ).toThrow("no space");
});
