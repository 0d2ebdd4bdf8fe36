import { expect, test } from "vitest";

import { composeHands } from "../../src/main/serve/hands.ts";
import type { Service } from "../../src/main/serve/parts.ts";
import type { Queue } from "../../src/queue/queue.ts";

const NOBODY = { of: () => [] } as unknown as Parameters<typeof composeHands>[2];

test("whoever is killed while sending holds the next one up for seconds", async () => {
  const asked: number[] = [];
  const leases: Queue["leases"] = {
    holder: async () => undefined,
    acquire: async (_, { ttlMs }) => {
      asked.push(ttlMs);
      return undefined;
    },
  };
  const hands = composeHands({ parts: {} } as unknown as Service, { leases } as unknown as Queue, NOBODY);
  expect(await hands.send(1)).toEqual({ kind: "again", afterMs: 1_000 });
  expect(asked).toHaveLength(1);
  expect(asked[0]).toBeLessThanOrEqual(15_000);
});
