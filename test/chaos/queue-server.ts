import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, realpathSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

import { Redis } from "ioredis";
import { Client } from "pg";

import { clusterHome, postgresUser } from "../../src/queue/postgres-user.ts";
import { supervise } from "./supervised.ts";
import { holdsWithin } from "./until.ts";

export type QueueKind = "redis" | "embedded";

/** What the queue is kept in, as an operator's mistakes and machines treat it. */
export interface QueueServer {
  /** SLUICE_QUEUE_URL. */
  readonly url: string;
  /** `kill -9`; it is started again by whoever is there for that. */
  kill(): void;
  answers(): Promise<boolean>;
  /** Everything in it is gone from one moment to the next. */
  wipe(): Promise<void>;
  end(): Promise<void>;
}

const START_MS = 20_000;

export function startQueueServer(
  kind: QueueKind,
  place: { readonly directory: string; readonly data: string; readonly logs: string },
): Promise<QueueServer> {
  return kind === "redis" ? redis(place) : Promise.resolve(embedded(place.data));
}

/** Debian's Redis with every write on the disk before it is answered. */
async function redis({ directory, logs }: { readonly directory: string; readonly logs: string }): Promise<QueueServer> {
  const dir = join(directory, "redis");
  mkdirSync(dir, { recursive: true });
  const port = await freePort();
  const options = ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--save", ""];
  const durable = ["--appendonly", "yes", "--appendfsync", "always"];
  const server = supervise({
    name: "redis",
    argv: ["redis-server", ...options, ...durable],
    env: { PATH: process.env["PATH"] },
    ready: /Ready to accept connections/,
    log: join(logs, "redis.log"),
  });
  const answers = (): Promise<boolean> => Promise.resolve(server.ready());
  if (!(await holdsWithin(START_MS, answers))) throw new Error(`redis-server did not start: ${logs}`);
  return {
    url: `redis://127.0.0.1:${port}`,
    kill: () => void server.signal("SIGKILL"),
    answers,
    async wipe() {
      const client = new Redis(port, "127.0.0.1");
      await client.flushall();
      client.disconnect();
    },
    end: () => server.end(),
  };
}

/** The database that Sluice's processes start, share and start again themselves; it ends with the last of them. */
function embedded(data: string): QueueServer {
  const home = clusterHome(realpathSync(data), postgresUser());
  const lines = (): readonly string[] => readFileSync(join(home, "data", "postmaster.pid"), "utf8").split("\n");
  const client = (): Client =>
    new Client({
      host: "127.0.0.1",
      port: Number(lines()[3]),
      user: "sluice",
      password: readFileSync(join(home, "password"), "utf8").trim(),
      database: "postgres",
    });
  const query = async (sql: string): Promise<void> => {
    const asking = client();
    asking.on("error", () => undefined);
    try {
      await asking.connect();
      await asking.query(sql);
    } finally {
      await asking.end().catch(() => undefined);
    }
  };
  return {
    url: "embedded:",
    kill: () => void process.kill(Number(lines()[0]), "SIGKILL"),
    async answers() {
      try {
        await query("select 1");
        return true;
      } catch {
        return false;
      }
    },
    wipe: () => query("drop schema if exists bullmq cascade; drop schema if exists sluice cascade"),
    end: () => Promise.resolve(),
  };
}

/** Whether a program answers `--version`. */
export function hasProgram(name: string): boolean {
  return spawnSync(name, ["--version"]).status === 0;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}
