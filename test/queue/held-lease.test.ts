import { once } from "node:events";

import { expect, test } from "vitest";

import { heldLease, type Grant } from "../../src/queue/held-lease.ts";

function granted(ttlMs: number, renew: () => Promise<boolean>): Grant & { readonly released: () => number } {
  let released = 0;
  return {
    fence: 7,
    ttlMs,
    askedAt: performance.now(),
    renew,
    release() {
      released++;
      return Promise.resolve();
    },
    released: () => released,
  };
}

test("is lost at once when a renewal finds it with somebody else", async () => {
  const began = performance.now();
  const lease = heldLease(granted(3000, () => Promise.resolve(false)));
  expect(lease.fence).toBe(7);
  await once(lease.lost, "abort");
  expect(performance.now() - began).toBeLessThan(2500);
});

test("is lost when its time runs out, while renewals fail or are not answered", async () => {
  for (const renew of [() => Promise.reject<boolean>(new Error("away")), () => new Promise<boolean>(() => undefined)]) {
    const began = performance.now();
    const lease = heldLease(granted(300, renew));
    await once(lease.lost, "abort");
    expect(performance.now() - began).toBeGreaterThanOrEqual(295);
    expect(performance.now() - began).toBeLessThan(2000);
  }
});

test("is given back once, and is not lost afterwards", async () => {
  const grant = granted(100, () => Promise.resolve(false));
  const lease = heldLease(grant);
  await lease.release();
  await lease.release();
  expect(grant.released()).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(lease.lost.aborted).toBe(false);
});
