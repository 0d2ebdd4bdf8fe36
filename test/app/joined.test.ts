import { expect, test } from "vitest";

import { joined } from "../../src/main/serve/joined.ts";

test("whoever comes before it has begun takes the same answer, whoever comes later another one", async () => {
  const look = joined<number>();
  let looks = 0;
  const first = Promise.withResolvers<void>();
  const asked = [0, 1].map(() =>
    look("5", async (begun) => {
      await first.promise;
      begun();
      return ++looks;
    }),
  );
  const other = look("6", async () => 100);
  first.resolve();
  expect(await Promise.all([...asked, other])).toEqual([1, 1, 100]);
  const slow = Promise.withResolvers<void>();
  const begins = Promise.withResolvers<void>();
  const under = look("5", async (begun) => {
    begun();
    begins.resolve();
    await slow.promise;
    return ++looks;
  });
  await begins.promise;
  expect(await look("5", async () => ++looks)).toBe(2);
  slow.resolve();
  expect(await under).toBe(3);
});

test("what fails is told to all that wait for it, and is not kept", async () => {
  const look = joined<number>();
  const asked = [0, 1].map(() => look("5", () => Promise.reject(new Error("away"))));
  for (const one of asked) await expect(one).rejects.toThrow("away");
  expect(await look("5", async () => 1)).toBe(1);
});
