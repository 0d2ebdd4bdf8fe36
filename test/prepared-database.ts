import { execFile } from "node:child_process";
import { appendFileSync, chmodSync, existsSync, mkdirSync, realpathSync, renameSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { inject } from "vitest";

import { openQueue } from "../src/queue/open-queue.ts";
import { clusterHome, postgresUser } from "../src/queue/postgres-user.ts";
import { alone } from "../src/queue/process-locks.ts";

/**
 * A data directory with the database of a service that was started here before and stopped in good order: starting on it
 * takes a tenth of what initialising a new one does.
 */
export async function prepareDatabase(data: string): Promise<void> {
  const shared = inject("shared");
  chmodSync(shared, 0o755);
  const source = join(shared, "database");
  await alone(join(shared, "database.lock"), () => initialised(source));
  mkdirSync(data, { recursive: true });
  const [from, to] = [homeOf(source), homeOf(data)];
  mkdirSync(to, { recursive: true, mode: 0o755 });
  await promisify(execFile)("cp", ["-a", join(from, "data"), join(from, "password"), to]);
}

function homeOf(data: string): string {
  return clusterHome(realpathSync(data), postgresUser());
}

/** Half a database of a process that was stopped counts for nothing. */
async function initialised(data: string): Promise<void> {
  if (existsSync(data)) return;
  const fresh = `${data}.${process.pid}`;
  mkdirSync(fresh);
  chmodSync(fresh, 0o755);
  const opened = await openQueue("embedded:", { data: fresh, holder: "test", onError: () => undefined });
  if (opened.kind === "refused") throw new Error(opened.expected);
  await opened.queue[Symbol.asyncDispose]();
  // Nobody cuts the power off here; what only that would prove costs every commit a wait for the disk.
  appendFileSync(join(homeOf(fresh), "data", "postgresql.auto.conf"), "fsync = off\n");
  renameSync(fresh, data);
}
