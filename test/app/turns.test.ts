import { randomUUID } from "node:crypto";

import { expect, onTestFinished, test } from "vitest";

import { systemClock } from "../../src/clock/system-clock.ts";
import { turns, type InTurn } from "../../src/main/serve/turns.ts";
import { openQueue } from "../../src/queue/open-queue.ts";
import type { Queue } from "../../src/queue/queue.ts";
import { embeddedBackend, hasRedis, redisBackend } from "../contract/queue-backends.ts";

/** Two controllers on one queue. */
async function controllers(): Promise<readonly { readonly queue: Queue; readonly inTurn: InTurn }[]> {
  const backend = await (hasRedis() ? redisBackend() : embeddedBackend());
  const queues: Queue[] = [];
  onTestFinished(async () => {
    for (const queue of queues) await queue[Symbol.asyncDispose]();
    await backend.stop();
  });
  for (const holder of ["one", "other"]) {
    const opened = await openQueue(backend.url, { data: backend.data, holder, onError: () => undefined });
    if (opened.kind === "refused") throw new Error(opened.expected);
    queues.push(opened.queue);
  }
  const clock = systemClock();
  return queues.map((queue) => ({ queue, inTurn: turns({ leases: queue.leases, clock }) }));
}

test("of two controllers one at a time is at a pull request, each in the order of asking", async () => {
  const both = await controllers();
  let busy = 0;
  const done: string[] = [];
  const work = async (name: string): Promise<void> => {
    expect(++busy).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    await both[0]?.queue.table.put("looked", name, true);
    busy--;
    done.push(name);
  };
  const asked = Array.from({ length: 8 }, (_, nth) =>
    both.map(({ inTurn }, at) => inTurn("5-12", () => work(`${at}.${nth}`))),
  );
  await Promise.all(asked.flat());
  for (const at of [0, 1])
    expect(done.filter((name) => name.startsWith(`${at}.`))).toEqual(
      Array.from({ length: 8 }, (_, nth) => `${at}.${nth}`),
    );
});

test("who waits too long gives up, and those that come later still wait for what was before", async () => {
  const [one] = await controllers();
  if (one === undefined) throw new Error("unreachable: there are two");
  const real = systemClock();
  let hurries = true;
  let longest = 0;
  const wait = (...[ms, signal]: Parameters<typeof real.wait>) => {
    longest = Math.max(longest, ms);
    return real.wait(hurries ? 0 : ms, signal);
  };
  const clock = { ...real, wait };
  const inTurn = turns({ leases: one.queue.leases, clock });
  const name = randomUUID();
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<string>();
  const long = inTurn(name, () => {
    begun.resolve();
    return end.promise;
  });
  await begun.promise;
  expect(await inTurn(name, async () => "too early")).toBeUndefined();
  expect(await inTurn(name, async () => "too early as well")).toBeUndefined();
  expect(longest).toBeLessThanOrEqual(3_000);
  // Whoever says how long waits as long.
  expect(await inTurn(name, async () => "too early still", 3_600_000)).toBeUndefined();
  expect(longest).toBeGreaterThan(3_500_000);
  hurries = false;
  end.resolve("long");
  expect(await long).toBe("long");
  expect(await inTurn(name, async () => "later")).toBe("later");
});

test("work that fails gives its turn back, and another pull request waits for nobody", async () => {
  const [one, other] = await controllers();
  if (one === undefined || other === undefined) throw new Error("unreachable: there are two");
  const name = randomUUID();
  await expect(one.inTurn(name, () => Promise.reject(new Error("it failed")))).rejects.toThrow("it failed");
  expect(await other.inTurn(name, () => other.inTurn(`${name}-2`, async () => "done"))).toBe("done");
});
