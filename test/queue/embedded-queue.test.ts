import { Client } from "pg";
import { describe, expect, onTestFinished, test } from "vitest";

import { embeddedPostgres } from "../../src/queue/embedded-postgres.ts";
import type { Queue } from "../../src/queue/queue.ts";
import { embeddedBackend } from "../contract/queue-backends.ts";
import { openedQueue, queueContract, until } from "../contract/queue.ts";
import { prepareDatabase } from "../prepared-database.ts";

describe("the queue on an embedded PostgreSQL", () => queueContract(embeddedBackend));

interface Opened {
  readonly queue: Queue;
  readonly client: Client;
}

async function opened(): Promise<Opened> {
  const backend = await embeddedBackend();
  onTestFinished(() => backend.stop());
  await prepareDatabase(backend.data);
  const queue = await openedQueue(backend);
  onTestFinished(() => queue[Symbol.asyncDispose]());
  const server = await embeddedPostgres(backend.data);
  onTestFinished(() => server.release());
  const client = new Client(server.url);
  await client.connect();
  onTestFinished(() => client.end());
  return { queue, client };
}

/** Performs one job until it is done; answers how often it was lost before, each time. */
async function performed(queue: Queue, first: (signal: AbortSignal) => Promise<unknown>): Promise<readonly number[]> {
  const lost: number[] = [];
  const consumer = await queue.jobs.consume("jobs", {
    concurrency: 1,
    onError: () => undefined,
    async perform(job, signal) {
      lost.push(job.lost);
      if (lost.length > 1) return { kind: "done" };
      await first(signal);
      return { kind: "again", afterMs: 0 };
    },
  });
  onTestFinished(() => consumer.close());
  await queue.jobs.add("jobs", [{ id: "cut-off", payload: null, once: true }]);
  await until(() => lost.length > 1);
  return lost;
}

const EXPIRED = "locked_until_ms = 0, stalled_marked = true";

test("a job whose lock was lost and taken by nobody is performed again as a lost one", async () => {
  const { queue, client } = await opened();
  const lost = await performed(queue, async (signal) => {
    await client.query("update bullmq.job set lock_token = 'of nobody ' || lock_token");
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    // As it stands after 5 s in which nothing could be renewed.
    await client.query(`update bullmq.job set lock_token = substr(lock_token, 11), ${EXPIRED}`);
  });
  expect(lost).toEqual([0, 1]);
});

test("a job that could not be put back is performed again", async () => {
  const { queue, client } = await opened();
  const lost = await performed(queue, async () => {
    await client.query(`update bullmq.job set ${EXPIRED}`);
    await client.query("alter function bullmq.move_to_delayed rename to taken_away");
  });
  expect(lost).toEqual([0, 1]);
});
