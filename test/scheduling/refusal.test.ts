import { expect, test } from "vitest";

import { capacityFor, UNBOUNDED, withSeen } from "../../src/scheduling/capacity.ts";
import type { Room } from "../../src/scheduling/queued-step.ts";
import { refusalOf } from "../../src/scheduling/refusal.ts";

const MACHINE = { cpu: 8, memoryBytes: 2 ** 33, gpus: 1 };

test.each([
  ["cores", { cpu: 64 }, "it asks for 64 cores and no worker of its pool has more than 8"],
  [
    "memory",
    { memoryBytes: 2 ** 34 },
    "it asks for 16 GiB of memory and no worker of its pool with 8 cores has more than 8 GiB",
  ],
  ["GPUs", { gpus: 2 }, "it asks for 2 GPUs and no worker of its pool with 8 cores has more than 1"],
])("more %s than there are is refused, as much as there is runs", (_, asks, why) => {
  expect(refusalOf(MACHINE, { ...MACHINE, ...asks })).toMatchObject({ kind: "refused", why });
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
