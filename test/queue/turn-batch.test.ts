import { expect, test } from "vitest";

import { turnAnswers, turnBatch } from "../../src/queue/turn-batch.ts";

test("what is asked for in one turn is done at once, in order; one batch at a time", async () => {
  const done: (readonly number[])[] = [];
  let underWay = 0;
  const ask = turnBatch<number>(async (items) => {
    expect(++underWay).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    done.push([...items]);
    underWay--;
  });
  await Promise.all([ask([1]), ask([2, 3]), ask([4])]);
  expect(done).toEqual([[1, 2, 3, 4]]);
  const first = ask([5]);
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  await Promise.all([first, ask([6]), ask([7])]);
  expect(done.slice(1).flat()).toEqual([5, 6, 7]);
});

test("a batch that fails fails for all who asked, and the next one is tried", async () => {
  let fail = true;
  const ask = turnBatch<number>(() => (fail ? Promise.reject(new Error("away")) : Promise.resolve()));
  const asked = await Promise.allSettled([ask([1]), ask([2])]);
  expect(asked.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  fail = false;
  await ask([3]);
});

test("everybody gets the answers to their own items, in their order", async () => {
  const asked: number[] = [];
  const square = turnAnswers<number, number>(async (items) => {
    asked.push(items.length);
    return items.map((item) => item * item);
  });
  expect(await Promise.all([square([1, 2]), square([]), square([3])])).toEqual([[1, 4], [], [9]]);
  expect(asked).toEqual([3]);
});
