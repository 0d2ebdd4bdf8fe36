import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";

import { embeddedPostgres, type EmbeddedPostgres } from "../../src/queue/embedded-postgres.ts";
import { clusterHome, reachable } from "../../src/queue/postgres-user.ts";
import { processStart } from "../../src/queue/process-start.ts";
import { dataDirectory } from "../contract/queue-backends.ts";
import { until } from "../contract/queue.ts";

function temporary(): string {
  const data = dataDirectory();
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
  return data;
}

async function started(data: string): Promise<EmbeddedPostgres> {
  const server = await embeddedPostgres(data);
  onTestFinished(() => server.release());
  return server;
}

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new Client(url);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return Object.values(rows[0] ?? {})[0];
  } finally {
    await client.end();
  }
}

function serverPid(data: string): number {
  return Number(readFileSync(join(data, "postgres", "data", "postmaster.pid"), "utf8").split("\n")[0]);
}

test("one server for all who ask at once, stopped by the last one, and what was written stays", async () => {
  const data = temporary();
  const [first, second, third] = await Promise.all([started(data), started(data), started(data)]);
  expect(new Set([first.url, second.url, third.url]).size).toBe(1);
  expect(String(await ask(first.url, "select version()"))).toMatch(/^PostgreSQL 18/);
  await ask(first.url, "create table kept as select 42 as n");
  const pid = serverPid(data);
  await first.release();
  await third.release();
  expect(await ask(second.url, "select n from kept")).toBe(42);
  await second.release();
  expect(existsSync(join(data, "postgres", "data", "postmaster.pid"))).toBe(false);
  expect(processStart(pid)).toBe("");
  const again = await started(data);
  expect(await ask(again.url, "select n from kept")).toBe(42);
});

test("a password guards it, and only its owner may read that", async () => {
  const data = temporary();
  const { url } = await started(data);
  await expect(ask(url.replace(/:[0-9a-f]{48}@/, ":wrong@"), "select 1")).rejects.toThrow(/password/);
  expect(statSync(join(data, "postgres", "password")).mode & 0o077).toBe(0);
});

test("a killed server is started again, with all that was committed", async () => {
  const data = temporary();
  const first = await started(data);
  await ask(first.url, "create table kept as select 7 as n");
  const pid = serverPid(data);
  process.kill(pid, "SIGKILL");
  await until(() => processStart(pid) === "");
  // By those who hold it, and at its old place.
  const kept = (): Promise<unknown> => ask(first.url, "select n from kept").catch(() => undefined);
  await until(async () => (await kept()) === 7);
  const second = await started(data);
  expect(second.url).toBe(first.url);
});

test("a file left by a dead server is no server, even if another process has its number by now", async () => {
  const data = temporary();
  const first = await started(data);
  await first.release();
  const file = join(data, "postgres", "data", "postmaster.pid");
  writeFileSync(file, `${process.pid}\n${join(data, "postgres", "data")}\n0\n1\n\n127.0.0.1\n0 0\nready\n`);
  chmodSync(file, 0o666);
  const second = await started(data);
  expect(serverPid(data)).not.toBe(process.pid);
  expect(await ask(second.url, "select 1")).toBe(1);
});

test("a killed process leaves the server to the others, and the last of these still stops it", async () => {
  const data = temporary();
  const script = `
    import { embeddedPostgres } from ${JSON.stringify(new URL("../../src/queue/embedded-postgres.ts", import.meta.url).href)};
    console.log((await embeddedPostgres(${JSON.stringify(data)})).url);
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url: unknown = (await createInterface(child.stdout)[Symbol.asyncIterator]().next()).value;
  child.kill("SIGKILL");
  await once(child, "exit");
  const second = await started(data);
  expect(second.url).toBe(url);
  const pid = serverPid(data);
  await second.release();
  expect(processStart(pid)).toBe("");
});

test("where the database's user may not go, its files stand where he may", () => {
  const data = temporary();
  const user = { uid: 4711, gid: 4711 };
  const inner = join(data, "closed", "inner");
  mkdirSync(inner, { recursive: true });
  expect(reachable(inner, user)).toBe(true);
  expect(clusterHome(inner, user)).toBe(join(inner, "postgres"));
  chmodSync(join(data, "closed"), 0o700);
  expect(reachable(inner, user)).toBe(false);
  expect(clusterHome(inner, user)).toMatch(/^\/var\/lib\/sluice\/postgres-[0-9a-f]{16}$/);
  expect(clusterHome(inner, undefined)).toBe(join(inner, "postgres"));
});
