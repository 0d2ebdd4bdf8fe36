import { Redis } from "ioredis";
import { Queue as BullQueue, Worker, type Telemetry } from "bullmq";

import { backgroundErrors } from "./background-errors.ts";
import { bullJobs, FEW_EVENTS, type BullClasses } from "./bullmq-jobs.ts";
import type { Queue } from "./queue.ts";
import { redisBus } from "./redis-bus.ts";
import { redisLeases } from "./redis-leases.ts";
import { redisTable } from "./redis-table.ts";

/** Everything on one Redis: keys begin with `sluice:`. */
export async function redisQueue(options: {
  readonly url: string;
  readonly holder: string;
  readonly onError: (error: unknown) => void;
  readonly telemetry?: Telemetry | undefined;
}): Promise<Queue> {
  const { url } = options;
  const background = backgroundErrors("Redis", options.onError);
  const onError = background.tell;
  const redis = await connected(url, options.holder, onError);
  const jobs = bullJobs(classes(redis, options.telemetry), onError);
  const bus = await redisBus(redis, onError);
  return {
    jobs,
    leases: redisLeases(redis),
    bus,
    table: redisTable(redis),
    backend: "redis",
    async [Symbol.asyncDispose]() {
      background.close();
      await jobs[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
      redis.disconnect();
    },
  };
}

/** The first connection is tried once: a wrong address is told at once, a later loss is mended. */
async function connected(url: string, holder: string, onError: (error: unknown) => void): Promise<Redis> {
  const redis = new Redis(url, {
    connectionName: `sluice-${holder.replaceAll(/[^A-Za-z0-9._-]/g, "-")}`,
    lazyConnect: true,
    // BullMQ waits for a Redis that is away; it does not fail.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(50 * times, 1000),
  });
  let why: unknown;
  const remember = (error: unknown): void => void (why = error);
  redis.on("error", remember);
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    // The promise says only that the connection is closed.
    throw why ?? error;
  }
  redis.off("error", remember);
  redis.on("error", onError);
  return redis;
}

function classes(redis: Redis, telemetry: Telemetry | undefined): BullClasses {
  const common = { connection: redis, prefix: "sluice", ...(telemetry !== undefined && { telemetry }) };
  return {
    queue: (name) => new BullQueue(name, { ...common, ...FEW_EVENTS }),
    worker(name, perform, options) {
      const worker = new Worker(name, perform, { ...common, ...options });
      return {
        on: (event: string, listener: (...told: never[]) => void) => worker.on(event as "error", listener as never),
        waitUntilReady: () => worker.waitUntilReady(),
        close: (force) => worker.close(force),
      };
    },
  };
}
