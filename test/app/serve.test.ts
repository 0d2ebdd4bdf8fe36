import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { parseHTML } from "linkedom";
import { expect, onTestFinished, test } from "vitest";

import { listWorkers } from "../../src/queue/workers.ts";
import { hasRedis, redisBackend } from "../contract/queue-backends.ts";
import { openedQueue, until } from "../contract/queue.ts";
import { BIN, ENV } from "../sluice.ts";
import { PRIVATE_KEY } from "./parts.ts";

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "sluice-serve-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

interface Running {
  readonly end: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
  /** The first match in what it said. */
  said(pattern: RegExp): Promise<string>;
  stop(): void;
}

function sluice(args: readonly string[], env: Record<string, string>, cwd = directory()): Running {
  const child = spawn(BIN, args, { cwd, env: { ...ENV, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let [stdout, stderr] = ["", ""];
  const heard = new Set<() => void>();
  const hear = (): void => {
    for (const listener of heard) listener();
  };
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    hear();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
    hear();
  });
  return {
    end: new Promise((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr }))),
    said: (pattern) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = pattern.exec(stderr)?.[0];
          if (found !== undefined) resolve(found);
        };
        heard.add(look);
        look();
      }),
    stop: () => void child.kill("SIGTERM"),
  };
}

test("serve names every variable that is missing or wrong, and does not start", async () => {
  const { code, stderr } = await sluice(["serve"], { PORT: "many" }).end;
  expect(code).toBe(64);
  expect(stderr).toContain("serve does not start: 4 variables are missing or wrong");
  for (const name of ["APP_ID", "PRIVATE_KEY", "WEBHOOK_SECRET", "PORT"]) expect(stderr).toContain(`\n  ${name}: `);
  expect(stderr).toContain("for example PORT=3000");
  expect(stderr).not.toContain("    at ");
});

test.each<[string, string[], Record<string, string>]>([
  ["--concurrency is a number", ["worker", "--concurrency", "0"], {}],
  ["a pool is named", ["worker", "--pool", "a b"], {}],
  ["SLUICE_QUEUE_URL: embedded:", ["worker"], { SLUICE_QUEUE_URL: "mysql://x" }],
])("worker: %s", async (text, args, env) => {
  const { code, stderr } = await sluice(args, env).end;
  expect(code).toBe(64);
  expect(stderr).toContain(text);
});

test.each(["serve", "worker"])("%s: a mistake in the operator's file is the person's", async (command) => {
  const data = directory();
  const config = join(data, "operator.yaml");
  writeFileSync(config, "version: 1\npools: { default: { concurrency: many } }\n");
  const app = { APP_ID: "1", PRIVATE_KEY, WEBHOOK_SECRET: "abc" };
  const { code, stderr } = await sluice([command], { ...app, SLUICE_DATA: data, SLUICE_CONFIG: config }).end;
  expect([code, stderr]).toEqual([64, expect.stringContaining(`${config}:2:`)]);
});

test.each(["serve", "worker"])(
  "%s: a store that cannot be where it is said to be is told before anything begins",
  async (command) => {
    const data = directory();
    writeFileSync(join(data, "file"), "");
    const app = { APP_ID: "1", PRIVATE_KEY, WEBHOOK_SECRET: "abc" };
    const env = { ...app, SLUICE_DATA: join(data, "data"), SLUICE_QUEUE_URL: "redis://127.0.0.1:1" };
    const store = pathToFileURL(join(data, "file", "store")).href;
    const { code, stderr } = await sluice([command], { ...env, SLUICE_STORE_URL: store }).end;
    expect([code, stderr]).toEqual([64, expect.stringContaining("no directory (ENOTDIR)")]);
    expect(stderr).toContain("next: name a directory in SLUICE_STORE_URL");
  },
);

test("a worker that nobody tells of a service makes none where it stands", async () => {
  const here = directory();
  const { code, stderr } = await sluice(["worker"], {}, here).end;
  expect([code, readdirSync(here)]).toEqual([75, []]);
  expect(stderr).toContain("no service keeps anything in");
  expect(stderr).toContain("next: SLUICE_DATA=…");
});

test.skipIf(!hasRedis())(
  `a worker that cannot have a workspace now says so, offers nothing, and stays for when it can${hasRedis() ? "" : " (skipped: no redis-server here)"}`,
  async () => {
    const redis = await redisBackend();
    onTestFinished(() => redis.stop());
    const data = directory();
    mkdirSync(join(data, "store"));
    writeFileSync(join(data, "store/work"), "");
    const config = join(data, "operator.yaml");
    writeFileSync(config, "version: 1\npools: { default: { concurrency: 3 } }\n");
    const running = sluice(["worker"], { SLUICE_DATA: data, SLUICE_QUEUE_URL: redis.url, SLUICE_CONFIG: config });
    await running.said(/takes 3 steps at once/);
    const queue = await openedQueue({ url: redis.url, data });
    onTestFinished(() => queue[Symbol.asyncDispose]());
    const offered = async (): Promise<unknown> => (await listWorkers(queue.table, "pool-default")).at(0)?.slots;
    await until(async () => (await offered()) === 0);
    rmSync(join(data, "store/work"));
    await until(async () => (await offered()) === 3);
    running.stop();
    const { code, stderr } = await running.end;
    expect(code).toBe(0);
    expect(stderr).toContain(join(data, "store/work"));
  },
);

test("serve --setup leads through GitHub's pages to an App that is kept", async () => {
  const github = createServer((_request, response) => {
    response
      .writeHead(201, { "content-type": "application/json" })
      .end(JSON.stringify({ id: 9, pem: PRIVATE_KEY, webhook_secret: "abc", html_url: "http://127.0.0.1/apps/s" }));
  });
  await new Promise<void>((resolve) => github.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void github.close());
  const data = directory();
  const host = `127.0.0.1:${(github.address() as AddressInfo).port}`;
  const env = { SLUICE_DATA: data, GHE_HOST: host, GHE_PROTOCOL: "http", HOST: "127.0.0.1", PORT: "0" };
  const running = sluice(["serve", "--setup"], env);
  const url = await running.said(/http:\/\/127\.0\.0\.1:\d+/);
  const { document } = parseHTML(await (await fetch(`${url}/create?url=https://sluice.example.com`)).text());
  const state = new URL(document.querySelector("form")?.getAttribute("action") ?? "").searchParams.get("state");
  expect((await fetch(`${url}/callback?code=good&state=${state}`)).status).toBe(200);
  const { code, stdout } = await running.end;
  expect(code).toBe(0);
  expect(stdout).toContain("App 9 is created");
  expect(stdout).toContain("next: install the App at http://127.0.0.1/apps/s/installations/new");
  expect(readFileSync(join(data, "app.env"), "utf8")).toContain("WEBHOOK_SECRET='abc'\n");
});

test("a port that is taken is said, with what to do", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void taken.close());
  const PORT = String((taken.address() as AddressInfo).port);
  const { code, stderr } = await sluice(["serve", "--setup"], { HOST: "127.0.0.1", PORT }).end;
  expect([code, stderr]).toEqual([
    75,
    `sluice: PORT: another process listens at 127.0.0.1:${PORT}\n  next: stop it, or PORT=… of a free one\n`,
  ]);
});

test("serve --setup never touches an App that is there, and stops when asked", async () => {
  const data = directory();
  const running = sluice(["serve", "--setup"], { SLUICE_DATA: data, HOST: "127.0.0.1", PORT: "0" });
  await running.said(/Ctrl-C stops/);
  running.stop();
  expect((await running.end).code).toBe(130);
  writeFileSync(join(data, "app.env"), "APP_ID=1\n");
  const { code, stderr } = await sluice(["serve", "--setup"], { SLUICE_DATA: data }).end;
  expect(code).toBe(64);
  expect(stderr).toContain("there is an App already");
});
