import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, realpathSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

import { Redis } from "ioredis";
import { Client } from "pg";

import { clusterHome, postgresUser } from "../../src/queue/postgres-user.ts";
import type { Net } from "./net.ts";
import { supervise } from "./supervised.ts";
import { holdsWithin } from "./until.ts";

export type QueueKind = "redis" | "embedded";

/** What the queue is kept in, as an operator's mistakes and machines treat it. */
export interface QueueServer {
  readonly kind: QueueKind;
  /** SLUICE_QUEUE_URL. */
  readonly url: string;
  /** The same for workers, who may live in a network of their own. */
  readonly workersUrl: string;
  /** `kill -9`; it is started again by whoever is there for that. */
  kill(): void;
  answers(): Promise<boolean>;
  /** The process that holds the backlog of the pool now. */
  dispatcher(): Promise<number | undefined>;
  /** Every message is there once more. */
  doubleMessages(): Promise<void>;
  /** Everything in it is gone from one moment to the next. */
  wipe(): Promise<void>;
  end(): Promise<void>;
}

const START_MS = 20_000;
/** The lease of the pool's backlog; its holder is named `sluice <pid>`. */
const TURNS = "turns-pool-default";

function pidOf(holder: string | null): number | undefined {
  const pid = Number(/^sluice (\d+)$/.exec(holder ?? "")?.[1]);
  return Number.isInteger(pid) ? pid : undefined;
}

interface Place {
  readonly directory: string;
  readonly data: string;
  readonly logs: string;
  /** Where workers reach it, besides this machine's own address. */
  readonly net: Net | undefined;
}

export function startQueueServer(kind: QueueKind, place: Place): Promise<QueueServer> {
  return kind === "redis" ? redis(place) : Promise.resolve(embedded(place.data));
}

/** Debian's Redis with every write on the disk before it is answered. */
async function redis({ directory, logs, net }: Place): Promise<QueueServer> {
  const dir = join(directory, "redis");
  mkdirSync(dir, { recursive: true });
  const port = await freePort();
  // The other address is one of this machine's own too: nobody else reaches it.
  const hosts = ["127.0.0.1", ...(net === undefined ? [] : [net.host])];
  const options = ["--port", String(port), "--bind", ...hosts, "--protected-mode", "no", "--dir", dir, "--save", ""];
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
  const asked = async <Value>(question: (client: Redis) => Promise<Value>): Promise<Value> => {
    const client = new Redis(port, "127.0.0.1", { maxRetriesPerRequest: 1 });
    client.on("error", () => undefined);
    try {
      return await question(client);
    } finally {
      client.disconnect();
    }
  };
  return {
    kind: "redis",
    url: `redis://127.0.0.1:${port}`,
    workersUrl: `redis://${net?.host ?? "127.0.0.1"}:${port}`,
    kill: () => void server.signal("SIGKILL"),
    answers,
    dispatcher: async () => pidOf(await asked((client) => client.hget(`sluice:lease:${TURNS}`, "holder"))),
    doubleMessages: () => asked(writtenAgain),
    wipe: async () => void (await asked((client) => client.flushall())),
    end: () => server.end(),
  };
}

/** Ids are looked at where a message is published: here each is written past them. */
async function writtenAgain(client: Redis): Promise<void> {
  for (const topic of await client.keys("sluice:bus:*"))
    for (const [, fields] of await client.xrange(topic, "-", "+")) await client.xadd(topic, "*", ...fields);
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
  const query = async (sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> => {
    const asking = client();
    asking.on("error", () => undefined);
    try {
      await asking.connect();
      return (await asking.query(sql)).rows as readonly Readonly<Record<string, unknown>>[];
    } finally {
      await asking.end().catch(() => undefined);
    }
  };
  return {
    kind: "embedded",
    url: "embedded:",
    workersUrl: "embedded:",
    kill: () => void process.kill(Number(lines()[0]), "SIGKILL"),
    async answers() {
      try {
        await query("select 1");
        return true;
      } catch {
        return false;
      }
    },
    async dispatcher() {
      const [row] = await query(`select holder from sluice.lease where name = '${TURNS}'`);
      return pidOf(String(row?.["holder"]));
    },
    doubleMessages: async () =>
      void (await query("update sluice.message set written = pg_current_xact_id(), place = default")),
    async wipe() {
      await query("drop schema if exists bullmq cascade");
      await query("drop schema if exists sluice cascade");
    },
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
