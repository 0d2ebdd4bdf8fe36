import { Writable } from "node:stream";

import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { createLog } from "../../src/web/log.ts";
import { startServer, WEBHOOK_PATH, type ServerParts, type WebServer } from "../../src/web/server.ts";
import { app, jobList, PRIVATE_KEY, SECRET, sign } from "../app/parts.ts";

async function started(more: Partial<ServerParts> = {}): Promise<WebServer & { jobs: ReturnType<typeof jobList> }> {
  const jobs = jobList();
  const server = await startServer({
    host: "127.0.0.1",
    port: 0,
    version: "1.2.3",
    log: pino({ level: "silent" }),
    app: await app(jobs),
    queue: { jobs, backend: "a list" },
    ...more,
  });
  onTestFinished(() => server.close(100));
  return { ...server, jobs };
}

const body = JSON.stringify({
  ref: "refs/heads/main",
  installation: { id: 7 },
  repository: { id: 5, full_name: "acme/digits" },
});
const headers = { "content-type": "application/json", "x-github-event": "push", "x-hub-signature-256": sign(body) };

test("health, readiness and metrics follow the queue", async () => {
  const { url, jobs } = await started();
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  expect((await fetch(url + WEBHOOK_PATH, { method: "POST", body, headers })).status).toBe(202);
  expect((await fetch(url + WEBHOOK_PATH, { method: "POST", body })).status).toBe(400);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain('sluice_deliveries_total{event="push",status="202"} 1');
  expect(metrics).toContain('sluice_deliveries_total{event="other",status="400"} 1');
  expect(metrics).toContain('sluice_jobs{queue="controller",state="waiting"} 1');
  for (const line of metrics.trimEnd().split("\n")) {
    expect(line).toMatch(/^(# (HELP|TYPE) sluice_\w+ .+|sluice_\w+(\{[^}]*\})? [\d.e-]+)$/);
  }
  jobs.down = true;
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect(await (await fetch(`${url}/metrics`)).text()).toContain("sluice_queue_up 0");
});

test("says why it is not ready", async () => {
  const { url } = await started({ notReady: () => Promise.resolve("the mirror is being made") });
  const answer = await fetch(`${url}/readyz`);
  expect([answer.status, await answer.text()]).toEqual([503, "not ready: the mirror is being made\n"]);
});

test("the status page, other methods, other paths, webhooks off", async () => {
  const { url } = await started({ app: null, pages: (hono) => hono.get("/more", (context) => context.text("more")) });
  expect(await (await fetch(url)).text()).toContain("Sluice 1.2.3");
  expect((await fetch(url + WEBHOOK_PATH)).status).toBe(405);
  expect((await fetch(url + WEBHOOK_PATH, { method: "POST", body, headers })).status).toBe(404);
  expect((await fetch(`${url}/nothing`)).status).toBe(404);
  expect(await (await fetch(`${url}/more`)).text()).toBe("more");
});

test("26 MB over a socket are refused, and the server goes on", async () => {
  const { url, jobs } = await started();
  const large = new Uint8Array(26 * 1024 * 1024);
  const answer = await fetch(url + WEBHOOK_PATH, { method: "POST", body: large, headers }).then(
    ({ status }) => status,
    // The server may hang up while the rest is still being sent.
    () => 413,
  );
  expect(answer).toBe(413);
  expect(jobs.jobs.size).toBe(0);
  expect((await fetch(url + WEBHOOK_PATH, { method: "POST", body, headers })).status).toBe(202);
});

test("closing waits for the delivery under way", async () => {
  const { promise: added, resolve: arrive } = Promise.withResolvers<void>();
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const server = await started({
    app: {
      async receive() {
        arrive();
        await held;
        return { status: 202, message: "enqueued", event: "push" };
      },
    },
  });
  const answer = fetch(server.url + WEBHOOK_PATH, { method: "POST", body, headers });
  await added;
  const closed = server.close();
  release();
  expect((await answer).status).toBe(202);
  await closed;
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow("fetch failed");
});

test("secrets never reach the log", () => {
  const lines: string[] = [];
  const to = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  const log = createLog(
    {
      logLevel: "info",
      app: { privateKey: PRIVATE_KEY },
      webhooks: { secret: SECRET, previous: "the one before" },
      queue: { kind: "redis", url: "redis://me:p%40ssw0rd@localhost:6379" },
      signingKey: null,
    },
    { to },
  );
  log.child({ delivery: "abc" }).info({ token: "ghs_x", inner: { authorization: "Bearer y" } }, "one");
  log.error({ err: new Error(`cannot use ${PRIVATE_KEY} or ${SECRET} or the one before`) }, "p@ssw0rd");
  const text = lines.join("");
  expect(text).toContain('"delivery":"abc"');
  for (const secret of ["ghs_x", "Bearer y", PRIVATE_KEY.split("\n")[1] ?? "", SECRET, "the one before", "p@ssw0rd"]) {
    expect(text).not.toContain(secret);
  }
  for (const line of lines) expect(() => void JSON.parse(line)).not.toThrow();
});
