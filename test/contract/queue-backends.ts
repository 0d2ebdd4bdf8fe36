import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Redis } from "ioredis";
import { Client } from "pg";

import { embeddedPostgres } from "../../src/queue/embedded-postgres.ts";
import type { Backend } from "./queue.ts";

/** A data directory that the database's own user may pass through. */
export function dataDirectory(): string {
  const data = mkdtempSync(join(tmpdir(), "sluice-queue-"));
  chmodSync(data, 0o755);
  return data;
}

/** The embedded database in a directory of its own; the last one who closes it stops it. */
export function embeddedBackend(): Promise<Backend> {
  const data = dataDirectory();
  return Promise.resolve({
    url: "embedded:",
    data,
    async cut() {
      const server = await embeddedPostgres(data);
      const client = new Client(server.url);
      await client.connect();
      await client.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name <> '' and pid <> pg_backend_pid()",
      );
      await client.end();
      await server.release();
    },
    stop() {
      rmSync(data, { recursive: true, force: true });
      return Promise.resolve();
    },
  });
}

export function hasRedis(): boolean {
  return spawnSync("redis-server", ["--version"]).status === 0;
}

/** A Redis of its own on a free port, with its append-only file. */
export async function redisBackend(): Promise<Backend> {
  const data = dataDirectory();
  const port = await freePort();
  const server = spawn(
    "redis-server",
    ["--port", String(port), "--bind", "127.0.0.1", "--dir", data, "--appendonly", "yes", "--save", ""],
    { stdio: "ignore" },
  );
  const ended = once(server, "exit");
  const redis = new Redis(port, "127.0.0.1", { retryStrategy: () => 20, maxRetriesPerRequest: null });
  redis.on("error", () => undefined);
  await redis.ping();
  redis.disconnect();
  return {
    url: `redis://127.0.0.1:${port}`,
    data,
    async cut() {
      const killer = new Redis(port, "127.0.0.1");
      await killer.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      await killer.call("CLIENT", "KILL", "TYPE", "pubsub", "SKIPME", "yes");
      killer.disconnect();
    },
    async stop() {
      server.kill();
      await ended;
      rmSync(data, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}
