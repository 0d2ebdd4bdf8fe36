import { createPostgresBackend, DEFAULT_SCHEMA, runMigrations, withBackend, type PgPool, type Telemetry } from "bullmq";
import { Pool, type PoolConfig } from "pg";

import { bullJobs, FEW_EVENTS, type BullClasses } from "./bullmq-jobs.ts";
import { backgroundErrors } from "./background-errors.ts";
import { postgresBus } from "./postgres-bus.ts";
import { postgresLeases } from "./postgres-leases.ts";
import { migrateSchema } from "./postgres-schema.ts";
import { postgresTable } from "./postgres-table.ts";
import { keepWakeUps } from "./postgres-wake-ups.ts";
import type { Queue } from "./queue.ts";

export interface PostgresQueueOptions {
  readonly url: string;
  readonly backend: "postgres" | "embedded postgres";
  readonly holder: string;
  readonly onError: (error: unknown) => void;
  /** Called after everything is closed. */
  readonly closed?: () => Promise<void>;
  readonly telemetry?: Telemetry | undefined;
}

/** Everything on one PostgreSQL database: schemas `bullmq` and `sluice`, both created and brought up to date here. */
export async function postgresQueue(options: PostgresQueueOptions): Promise<Queue> {
  const { url } = options;
  const background = backgroundErrors("PostgreSQL", options.onError);
  const onError = background.tell;
  const config: PoolConfig = {
    connectionString: url,
    application_name: `sluice ${options.holder}`.slice(0, 60),
    keepAlive: true,
    connectionTimeoutMillis: 10_000,
  };
  const pool = pooled({ ...config, max: 8 }, onError);
  try {
    await migrate(pool);
    const bullPool = pooled({ ...config, max: 4, options: `-c search_path=${DEFAULT_SCHEMA}` }, onError);
    const jobs = bullJobs(classes({ config, shared: bullPool, telemetry: options.telemetry }, onError), onError);
    const wakeUps = keepWakeUps(pool, jobs, onError);
    const bus = await postgresBus(pool, config, onError);
    return {
      jobs,
      leases: postgresLeases(pool),
      bus,
      table: postgresTable(pool),
      backend: options.backend,
      async [Symbol.asyncDispose]() {
        background.close();
        await wakeUps.close();
        await jobs[Symbol.asyncDispose]();
        await bus[Symbol.asyncDispose]();
        await Promise.all([bullPool.end(), pool.end()]);
        await options.closed?.();
      },
    };
  } catch (error) {
    await pool.end();
    throw error;
  }
}

async function migrate(pool: Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await migrateSchema(client);
    await runMigrations(client, DEFAULT_SCHEMA);
    // BullMQ's migrations leave their search path behind.
    await client.query("reset search_path");
  } finally {
    client.release();
  }
}

function pooled(config: PoolConfig, onError: (error: unknown) => void): Pool {
  const pool = new Pool(config);
  // An idle connection that breaks is replaced at its next use.
  pool.on("error", onError);
  // Every BullMQ queue listens besides.
  pool.setMaxListeners(0);
  return pool;
}

/**
 * What a worker says of jobs need not be on the disk before it goes on: a database that crashes just then gives the
 * job out again, as it does when the worker dies. What is added, published or held is on the disk at once.
 */
const WORKER_SESSION = `-c search_path=${DEFAULT_SCHEMA} -c synchronous_commit=off`;

interface Connected {
  readonly config: PoolConfig;
  readonly shared: Pool;
  readonly telemetry: Telemetry | undefined;
}

/** A worker has connections of its own: one listens for as long as it lives. */
function classes({ config, shared, telemetry }: Connected, onError: (error: unknown) => void): BullClasses {
  const traced = telemetry === undefined ? {} : { telemetry };
  const { Queue: BullQueue, Worker } = withBackend(createPostgresBackend);
  return {
    queue: (name) => new BullQueue(name, { connection: asBull(shared), ...FEW_EVENTS, ...traced }),
    worker(name, perform, options) {
      const max = 2 + Math.min(options.concurrency, 6);
      const own = pooled({ ...config, max, options: WORKER_SESSION }, onError);
      const worker = new Worker(name, perform, { ...options, ...traced, connection: asBull(own) });
      return {
        on: (event: string, listener: (...told: never[]) => void) => worker.on(event as "error", listener as never),
        waitUntilReady: () => worker.waitUntilReady(),
        async close(force) {
          await worker.close(force);
          await own.end();
        },
      };
    },
  };
}

/** BullMQ describes the part of pg that it uses in words of its own, which pg's types do not match to the letter. */
function asBull(pool: Pool): PgPool {
  return pool as unknown as PgPool;
}
