import { expect, test } from "vitest";

import { capacityFor, UNBOUNDED, withSeen } from "../../src/scheduling/capacity.ts";
import type { Room } from "../../src/scheduling/queued-step.ts";
import { refusalOf } from "../../src/scheduling/refusal.ts";

const MACHINE = { cpu: 8, memoryBytes: 2 ** 33, gpus: 1 };

test.each([
  [
    "cores",
    { cpu: 64 },
    "it asks for 64 cores and no worker of its pool has more than 8",
    "lower `resources.cpu`, or run it on a larger machine",
  ],
  [
    "memory",
    { memoryBytes: 2 ** 34 },
    "it asks for 16 GiB of memory and no worker of its pool with 8 cores has more than 8 GiB",
    "lower `resources.memory`, or run it on a larger machine",
  ],
  [
    "GPUs",
    { gpus: 2 },
    "it asks for 2 GPUs and no worker of its pool with 8 cores has more than 1",
    "lower `resources.gpu`, or run it on a machine that has them",
  ],
])("more %s than there are is refused, as much as there is runs", (_, asks, why, next) => {
  expect(refusalOf(MACHINE, { ...MACHINE, ...asks })).toEqual({ kind: "refused", why, next });
  expect(refusalOf(MACHINE, MACHINE)).toBeUndefined();
});

test("on one's own machine nothing is said of its cores", () => {
  const here = { ...MACHINE, cpu: UNBOUNDED.cpu };
  expect(refusalOf(here, { ...MACHINE, gpus: 2 })).toMatchObject({ why: "it asks for 2 GPUs and this machine has 1" });
});

const CORES: Room = { cpu: 64, memoryBytes: 2 ** 38, gpus: 0 };
const GPU: Room = { cpu: 8, memoryBytes: 2 ** 34, gpus: 1 };

test("of several machines one has to have all that is asked for", () => {
  const seen = [CORES, { ...GPU, cpu: 4 }, GPU, GPU].reduce(withSeen, [] as readonly Room[]);
  expect(seen).toEqual([CORES, GPU]);
  const refused = (asks: Room): unknown => refusalOf(capacityFor(seen, asks), asks);
  expect([refused(CORES), refused(GPU)]).toEqual([undefined, undefined]);
  expect(refused({ ...GPU, cpu: 32 })).toMatchObject({
    why: "it asks for 1 GPUs and no worker of its pool with 32 cores has more than 0",
  });
  expect(refused({ ...GPU, memoryBytes: 2 ** 35 })).toMatchObject({
    why: "it asks for 32 GiB of memory and no worker of its pool with 8 cores has more than 16 GiB",
  });
  expect(refused({ ...CORES, cpu: 65 })).toMatchObject({ why: expect.stringMatching(/more than 64$/) as string });
  expect(capacityFor([], CORES)).toBe(UNBOUNDED);
});

test("memory may grow as far as a machine has it that has the GPUs as well", () => {
  expect(capacityFor([CORES, GPU], { cpu: 1, gpus: 1 }).memoryBytes).toBe(2 ** 34);
  expect(capacityFor([CORES, GPU], { cpu: 1, gpus: 0 }).memoryBytes).toBe(2 ** 38);
});

test("memory is told in gibibytes, with a tenth where it is needed", () => {
  const why = (memoryBytes: number): unknown => refusalOf({ ...MACHINE, memoryBytes: 1 }, { ...MACHINE, memoryBytes });
  expect(why(10.04 * 2 ** 30)).toMatchObject({ why: expect.stringContaining("asks for 10 GiB of") as string });
  expect(why(1.5 * 2 ** 30)).toMatchObject({ why: expect.stringContaining("asks for 1.5 GiB of") as string });
});

test("of machines that each have most of something, the most of it among those that fit bounds a step", () => {
  const several = { ...GPU, gpus: 4, memoryBytes: 2 ** 33 };
  expect(capacityFor([CORES, GPU, several], { cpu: 1, gpus: 1 })).toEqual({ cpu: 8, memoryBytes: 2 ** 34, gpus: 4 });
  expect([CORES, { ...CORES, gpus: 1 }, CORES].reduce(withSeen, [] as readonly Room[])).toEqual([
    { ...CORES, gpus: 1 },
  ]);
});
