import { expect, test } from "vitest";

import { syncBarrier } from "../../src/store/barrier.ts";

/** A disk that is as slow as the test wants: each sync waits for its turn. */
function slowDisk() {
  const syncs: { readonly paths: readonly string[]; readonly end: PromiseWithResolvers<void> }[] = [];
  const barrier = syncBarrier((paths) => {
    const end = Promise.withResolvers<void>();
    syncs.push({ paths: [...paths], end });
    return end.promise;
  });
  return { barrier, syncs };
}

test("what is written while others are synced is synced by the next, which waits for them", async () => {
  const { barrier, syncs } = slowDisk();
  const reached: string[] = [];
  barrier.add("a");
  const first = barrier.reach().then(() => reached.push("first"));
  await expect.poll(() => syncs.length).toBe(1);
  barrier.add("b");
  const second = barrier.reach().then(() => reached.push("second"));
  syncs[0]?.end.resolve();
  await first;
  await expect.poll(() => syncs.length).toBe(2);
  expect(reached).toEqual(["first"]);
  syncs[1]?.end.resolve();
  await second;
  expect(syncs.map(({ paths }) => paths)).toEqual([["a"], ["b"]]);
});

test("what could not be synced is tried again", async () => {
  const { barrier, syncs } = slowDisk();
  barrier.add("a");
  const failed = barrier.reach();
  await expect.poll(() => syncs.length).toBe(1);
  barrier.add("b");
  const again = barrier.reach();
  syncs[0]?.end.reject(new Error("EIO"));
  await expect(failed).rejects.toThrow("EIO");
  await expect.poll(() => syncs.length).toBe(2);
  syncs[1]?.end.resolve();
  await again;
  expect(new Set(syncs[1]?.paths)).toEqual(new Set(["a", "b"]));
});
