import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { realpathSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

import { alone, holding, otherHolders } from "./process-locks.ts";
import { postgresBinaries, run, type Binaries } from "./postgres-binaries.ts";
import { clusterHome, postgresUser, type User } from "./postgres-user.ts";
import { processStart } from "./process-start.ts";

export interface EmbeddedPostgres {
  readonly url: string;
  /** The last process of the machine that lets go stops the server. */
  release(): Promise<void>;
}

/** Small and quiet: one machine's queue, not a data warehouse. Durable, because an added job is promised. */
const SETTINGS: readonly string[] = [
  "listen_addresses=127.0.0.1",
  "unix_socket_directories=",
  "max_connections=200",
  "shared_buffers=64MB",
  "jit=off",
  "log_checkpoints=off",
  "log_min_messages=warning",
].flatMap((setting) => ["-c", setting]);

const START_MS = 20_000;
const STOP_MS = 10_000;

/**
 * A PostgreSQL 18 of our own under the data directory, started by whoever comes first and shared by all processes of
 * the machine. It lives in a session of its own, so it survives the death of any of them; the next one finds it.
 * Throws with words for people when it cannot be started.
 */
export async function embeddedPostgres(data: string): Promise<EmbeddedPostgres> {
  mkdirSync(data, { recursive: true });
  const user = postgresUser();
  const home = clusterHome(realpathSync(data), user);
  mkdirSync(home, { recursive: true, mode: 0o755 });
  const cluster: Cluster = { home, directory: join(home, "data"), password: join(home, "password"), user };
  const holder = holding(join(home, "holders"));
  try {
    const binaries = postgresBinaries(user);
    const server = await alone(join(home, "lock"), async () => {
      await initialise(cluster, binaries);
      return running(cluster) ?? (await start(cluster, binaries, await freePort()));
    });
    const watch = keepAlive(cluster, binaries, server);
    return {
      url: connection(cluster, server),
      async release() {
        await watch.stop();
        await release(cluster, holder);
      },
    };
  } catch (error) {
    holder.release();
    throw error;
  }
}

interface Cluster {
  readonly home: string;
  readonly directory: string;
  readonly password: string;
  readonly user: User | undefined;
}

interface Server {
  readonly pid: number;
  readonly port: number;
}

/** Starts a server again that died, at its old port: connections find it there. */
function keepAlive(cluster: Cluster, binaries: Binaries, { pid, port }: Server): { stop(): Promise<void> } {
  let current = pid;
  let reviving: Promise<void> | undefined;
  async function revive(): Promise<void> {
    try {
      await alone(join(cluster.home, "lock"), async () => {
        current = (running(cluster) ?? (await start(cluster, binaries, port))).pid;
      });
    } catch {
      // Those who ask it something are told that it is away; the next second tries again.
    } finally {
      reviving = undefined;
    }
  }
  const timer = setInterval(() => {
    if (processStart(current) === "") reviving ??= revive();
  }, 1000).unref();
  return {
    async stop() {
      clearInterval(timer);
      await reviving;
    },
  };
}

async function release(cluster: Cluster, holder: ReturnType<typeof holding>): Promise<void> {
  await alone(join(cluster.home, "lock"), async () => {
    holder.release();
    if (otherHolders(join(cluster.home, "holders"))) return;
    const server = running(cluster);
    if (server !== undefined) await stop(server.pid);
  });
}

function connection({ password }: Cluster, { port }: Server): string {
  return `postgres://sluice:${readFileSync(password, "utf8").trim()}@127.0.0.1:${port}/postgres`;
}

async function initialise({ directory, password, user, home }: Cluster, binaries: Binaries): Promise<void> {
  if (existsSync(join(directory, "PG_VERSION")) && existsSync(password)) return;
  const fresh = `${directory}.new`;
  // Half a cluster of a process that died; the queue holds nothing that is not elsewhere.
  for (const left of [fresh, directory]) rmSync(left, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o700 });
  writeFileSync(password, `${randomBytes(24).toString("hex")}\n`, { mode: 0o600 });
  const passwordFile = join(home, "password.init");
  writeFileSync(passwordFile, readFileSync(password), { mode: 0o600 });
  if (user !== undefined) for (const path of [fresh, passwordFile]) chownSync(path, user.uid, user.gid);
  try {
    await run(
      binaries.initdb,
      [
        `--pgdata=${fresh}`,
        "--username=sluice",
        "--auth=scram-sha-256",
        `--pwfile=${passwordFile}`,
        "--encoding=UTF8",
        "--locale=C",
        "--no-instructions",
      ],
      user,
    );
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(fresh, directory);
}

/** The server that runs on this directory, as its own file says; undefined when that file was left by a dead one. */
function running({ directory }: Cluster): Server | undefined {
  let lines: readonly string[];
  try {
    lines = readFileSync(join(directory, "postmaster.pid"), "utf8").split("\n");
  } catch {
    return undefined;
  }
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  if (!Number.isInteger(pid) || pid <= 0 || processStart(pid) === "" || !serves(pid, directory)) return undefined;
  return lines[7]?.trim() === "ready" && port > 0 ? { pid, port } : undefined;
}

/** Process numbers are used again, in containers at once: is this one a server of this directory? */
function serves(pid: number, directory: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return words.includes(directory);
  } catch {
    return process.platform !== "linux";
  }
}

async function start(cluster: Cluster, binaries: Binaries, wanted: number): Promise<Server> {
  for (let round = 1; ; round++) {
    clearStale(cluster);
    const server = await startOnce(cluster, binaries, round === 1 ? wanted : await freePort());
    if (server !== undefined) return server;
    // Somebody may have taken the port in between.
    if (round === 3) throw new Error(`PostgreSQL does not start: ${lastWords(cluster)}`);
  }
}

function clearStale({ directory }: Cluster): void {
  const path = join(directory, "postmaster.pid");
  if (!existsSync(path)) return;
  const pid = Number(readFileSync(path, "utf8").split("\n")[0]);
  // The server removes this file of a dead one itself, unless another process has its number by now.
  if (processStart(pid) === "" || !serves(pid, directory)) rmSync(path, { force: true });
}

async function startOnce(cluster: Cluster, binaries: Binaries, port: number): Promise<Server | undefined> {
  const { directory, user, home } = cluster;
  const log = openSync(join(home, "log"), "w", 0o644);
  chmodSync(join(home, "log"), 0o644);
  // A session of its own: Ctrl-C in a terminal stops us, and then we stop the server when nobody else uses it.
  const child = spawn(binaries.postgres, ["-D", directory, "-p", String(port), ...SETTINGS], {
    ...user,
    detached: true,
    cwd: directory,
    stdio: ["ignore", log, log],
    env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C", TZ: "UTC" },
  });
  closeSync(log);
  let ended = false;
  child.once("exit", () => (ended = true));
  child.once("error", () => (ended = true));
  child.unref();
  const until = performance.now() + START_MS;
  for (;;) {
    const server = running(cluster);
    if (server !== undefined) return server;
    if (ended) return undefined;
    if (performance.now() > until) {
      child.kill("SIGKILL");
      throw new Error(`PostgreSQL was not ready after ${START_MS / 1000} s: ${lastWords(cluster)}`);
    }
    await pause(5);
  }
}

function lastWords({ home }: Cluster): string {
  try {
    return readFileSync(join(home, "log"), "utf8").trim().split("\n").slice(-3).join("; ");
  } catch {
    return "it left no log";
  }
}

/** Fast shutdown: sessions are ended, everything committed stays. */
async function stop(pid: number): Promise<void> {
  const until = performance.now() + STOP_MS;
  process.kill(pid, "SIGINT");
  while (processStart(pid) !== "") {
    if (performance.now() > until) {
      process.kill(pid, "SIGQUIT");
      return;
    }
    await pause(5);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
