import { expect, test } from "vitest";

import { refusalOf } from "../../src/scheduling/refusal.ts";

const MACHINE = { cpu: 8, memoryBytes: 2 ** 33, gpus: 1 };

test.each([
  ["cores", { cpu: 64 }, "it asks for 64 cores and no worker of its pool has more than 8"],
  ["memory", { memoryBytes: 2 ** 34 }, "it asks for 16 GiB of memory and this machine has 8 GiB"],
  ["GPUs", { gpus: 2 }, "it asks for 2 GPUs and this machine has 1"],
])("more %s than there are is refused, as much as there is runs", (_, asks, why) => {
  expect(refusalOf(MACHINE, { ...MACHINE, ...asks })).toMatchObject({ kind: "refused", why });
  expect(refusalOf(MACHINE, MACHINE)).toBeUndefined();
});
