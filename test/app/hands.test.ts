import { expect, test } from "vitest";

import { composeHands } from "../../src/main/serve/hands.ts";
import type { Service } from "../../src/main/serve/parts.ts";
import type { Queue } from "../../src/queue/queue.ts";
import { memoryTable } from "../controller/memory-table.ts";

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

test("a sender that was taken for dead leaves what waits to the one that took its place", async () => {
  const table = memoryTable();
  const desired = { kind: "reaction", comment: 1, content: "eyes" };
  await table.put("outbox/1", "reaction/1", { repository: { id: 1 }, desired });
  const lease = { fence: 1, lost: AbortSignal.abort(), release: async () => undefined };
  const leases: Queue["leases"] = { holder: async () => undefined, acquire: async () => lease };
  const service = { parts: { clock: { now: () => 0 } } } as unknown as Service;
  const hands = composeHands(service, { leases, table } as unknown as Queue, NOBODY);
  expect(await hands.send(1)).toEqual({ kind: "again", afterMs: 1_000 });
  expect(await table.entries("outbox/1")).toHaveLength(1);
});
