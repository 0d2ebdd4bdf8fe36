import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";

import type { Json } from "../src/identity/canonical-json.ts";
import { digestOf, parseRunId, type Digest } from "../src/identity/identity.ts";
import { attemptConsumer } from "../src/queue/attempt-consumer.ts";
import { fairDispatcher } from "../src/queue/fair-dispatcher.ts";
import { fairPool } from "../src/queue/fair-pool.ts";
import { flights } from "../src/queue/flights.ts";
import { openQueue } from "../src/queue/open-queue.ts";
import { queueDispatcher } from "../src/queue/queue-dispatcher.ts";
import type { Queue } from "../src/queue/queue.ts";
import { announceWorker } from "../src/queue/workers.ts";
import { filesystemStore } from "../src/store/filesystem-store.ts";
import type { Store } from "../src/store/store.ts";
import type { Place } from "./place.ts";
import { row, type Row } from "./row.ts";

const STEPS = 5_000;
const AT_ONCE = 20;
const ROOM = { cpu: AT_ONCE, memoryBytes: 0, gpus: 0 };
/** Part of the bare rate that is to be kept, by backend. */
const TARGETS = { "embedded postgres": 0.6, redis: 0.5 };

/**
 * Steps that do nothing, with turns, leases on their keys, results in the store and ends told, against jobs that do nothing
 * in the same queue: coordinator and worker in one process, both times.
 */
export async function dispatch(at: Place): Promise<Row[]> {
  const rows = await withQueue("embedded:", at, "embedded postgres");
  if (spawnSync("redis-server", ["--version"]).status !== 0) {
    process.stderr.write("  without Redis: there is no redis-server here\n");
    return rows;
  }
  const port = await freePort();
  const server = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", ""], {
    stdio: "ignore",
  });
  const ended = once(server, "exit");
  try {
    return [...rows, ...(await withQueue(`redis://127.0.0.1:${port}`, at, "redis"))];
  } finally {
    server.kill();
    await ended;
  }
}

async function withQueue(url: string, at: Place, backend: keyof typeof TARGETS): Promise<Row[]> {
  const data = at.fresh();
  mkdirSync(data, { recursive: true });
  for (const directory of [data, `${data}/..`]) chmodSync(directory, 0o755);
  const queue = await opened(url, data);
  const store = filesystemStore(`${data}/store`);
  try {
    // The first thousand warm both up.
    await bare(queue, "warm", 1_000);
    const theirs = await bare(queue, "bare", STEPS);
    await ours(queue, store, { pool: "pool-warm", count: 1_000 });
    const mine = await ours(queue, store, { pool: "pool-ours", count: STEPS });
    const name = `dispatch-${backend.replace(" ", "-")}`;
    const against = { target: TARGETS[backend] * theirs, rival: "bare jobs of BullMQ", rivalValue: theirs };
    return [row(name, [mine, "steps/s"], against)];
  } finally {
    await store[Symbol.asyncDispose]();
    await queue[Symbol.asyncDispose]();
  }
}

async function opened(url: string, data: string): Promise<Queue> {
  for (;;) {
    const opening = await openQueue(url, { data, holder: "bench", onError: () => undefined });
    if (opening.kind === "opened") return opening.queue;
    // A server that was started a moment ago.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Jobs a second: added by the hundred, performed by doing nothing. */
async function bare(queue: Queue, name: string, count: number): Promise<number> {
  let left = count;
  const { promise, resolve } = Promise.withResolvers<void>();
  const begin = performance.now();
  const consumer = await queue.jobs.consume(name, {
    concurrency: AT_ONCE,
    perform: () => {
      if (--left === 0) resolve();
      return Promise.resolve({ kind: "done" });
    },
    onError: () => undefined,
  });
  for (let at = 0; at < count; at += 100) {
    const jobs = Array.from({ length: 100 }, (_, nth) => ({ id: `b${at + nth}`, payload: null, once: true as const }));
    await queue.jobs.add(name, jobs);
  }
  await promise;
  const rate = count / ((performance.now() - begin) / 1_000);
  await consumer.close();
  return rate;
}

interface Job {
  readonly id: string;
  readonly key: Digest;
}

async function ours(
  queue: Queue,
  store: Store,
  { pool, count }: { readonly pool: string; readonly count: number },
): Promise<number> {
  const onError = (error: unknown): void => void process.stderr.write(`  ${String(error)}\n`);
  const run = parseRunId(
    pool
      .replaceAll(/[^a-z0-9]/g, "")
      .padEnd(26, "0")
      .replaceAll(/[ilou]/g, "1"),
  );
  if (run === undefined) throw new Error("no run id");
  const consumer = await attemptConsumer({
    queue,
    pool,
    concurrency: AT_ONCE,
    room: ROOM,
    demandOf: () => ({ cpu: 1, memoryBytes: 0, gpus: 0 }),
    ready: () => true,
    reads: () => true,
    perform: (job) => perform(store, run, job),
    onError,
  });
  const notice = { slots: AT_ONCE, room: ROOM, version: "bench", host: "here", pid: process.pid };
  const announced = await announceWorker(queue.table, pool, notice, onError);
  const fair = fairPool({ queue, pool, holder: "bench", onError });
  while (fair.counts() === undefined || fair.largest.length === 0) await new Promise((go) => setTimeout(go, 10));
  const begin = performance.now();
  const inner = await queueDispatcher<Job, Json>({
    queue,
    pool,
    run,
    slots: count,
    encode: ({ id, key }) => ({ id, key }),
    decode: (end) => end,
    cancelled: () => null,
    lost: () => null,
    onError,
  });
  const dispatcher = fairDispatcher<Job, Json>(inner, {
    pool: fair,
    describe: ({ id }) => ({
      id: `${pool} ${id}`,
      flow: pool,
      weight: 1,
      cost: 1,
      priority: 0,
      path: 0,
      demand: { cpu: 1, memoryBytes: 0, gpus: 0 },
      limits: [],
    }),
    flights: flights<Job, Json>({
      leases: queue.leases,
      holder: "bench",
      nameOf: ({ key }) => key.slice("sha256:".length),
      found: async ({ key }) => ((await store.reader("main")).result(key) === undefined ? undefined : "found"),
      onError,
    }),
    ended: ({ id }) => inner.knows(id),
    handed: ({ id }) => inner.handed(id),
    cancelled: () => null,
  });
  for (let at = 0; at < count; at++) dispatcher.dispatch({ id: `s${at}`, key: digestOf(`${pool} ${at}`) });
  for (let left = count; left > 0; left--) {
    const { end } = await dispatcher.next();
    if (end.kind !== "ended" || end.value !== "computed") throw new Error(`a step ended as ${JSON.stringify(end)}`);
  }
  const rate = count / ((performance.now() - begin) / 1_000);
  await dispatcher[Symbol.asyncDispose]();
  await fair[Symbol.asyncDispose]();
  await announced.close();
  await consumer.close();
  return rate;
}

/** What a worker does beside running the step. */
async function perform(store: Store, run: NonNullable<ReturnType<typeof parseRunId>>, job: Json): Promise<Json> {
  const { id, key } = job as { readonly id: string; readonly key: Digest };
  const profile = { wallMs: 0, cpuUserMs: null, cpuSystemMs: null, peakBytes: null, method: "none" } as const;
  const created = await store.createResult("main", {
    result: 1,
    key,
    facts: { outputs: [], metrics: {} },
    made: {
      run,
      step: id,
      attempt: 1,
      domain: "main",
      isolation: "workspace",
      network: false,
      secrets: false,
      finishedAt: new Date().toISOString(),
      profile,
      log: null,
    },
  });
  return created.kind === "created" ? "computed" : "again";
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
