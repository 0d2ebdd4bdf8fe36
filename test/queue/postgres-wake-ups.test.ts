import { Client } from "pg";
import { expect, test } from "vitest";

import type { Json } from "../../src/identity/canonical-json.ts";
import { embeddedPostgres } from "../../src/queue/embedded-postgres.ts";
import { embeddedBackend } from "../contract/queue-backends.ts";
import { openedQueue, until } from "../contract/queue.ts";

test("a wake-up that lost its predecessor is brought back, one that has it waits for it", async () => {
  const backend = await embeddedBackend();
  const queue = await openedQueue(backend);
  const server = await embeddedPostgres(backend.data);
  const client = new Client(server.url);
  await client.connect();
  const seen: Json[] = [];
  let goOn: (() => void) | undefined;
  const gate = new Promise<void>((resolve) => (goOn = resolve));
  await queue.jobs.consume("wakes", {
    concurrency: 3,
    onError: () => undefined,
    perform: async ({ payload }) => {
      seen.push(payload);
      if (payload === "first") await gate;
      return { kind: "done" };
    },
  });
  const setAside = "select dedup_id, payload from bullmq.dedup_next order by dedup_id";
  try {
    await queue.jobs.add("wakes", [{ id: "both", payload: "first" }]);
    await until(() => seen.length === 1);
    await queue.jobs.add("wakes", [{ id: "both", payload: "second", priority: 7 }]);
    const { rows } = await client.query<{ dedup_id: string; payload: Json }>(setAside);
    expect(rows.map(({ dedup_id }) => dedup_id)).toEqual(["both"]);
    // What the two leave behind when they commit at the same moment.
    const orphan = JSON.stringify(rows[0]?.payload).replaceAll('"both"', '"orphan"').replace("second", "found");
    await client.query("insert into bullmq.dedup_next (queue, dedup_id, payload) values ('wakes', 'orphan', $1)", [
      orphan,
    ]);
    await until(() => seen.includes("found"));
    expect(seen).toEqual(["first", "found"]);
    goOn?.();
    await until(() => seen.length === 3);
    expect(seen).toEqual(["first", "found", "second"]);
    expect((await client.query(setAside)).rowCount).toBe(0);
  } finally {
    goOn?.();
    await client.end();
    await queue[Symbol.asyncDispose]();
    await server.release();
    await backend.stop();
  }
});
