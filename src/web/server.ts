import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import type { Logger } from "pino";

import type { App } from "../app.ts";
import type { Queue } from "../queue/queue.ts";
import { CONTROLLER_QUEUE } from "../trigger/job.ts";
import { createMetrics } from "./metrics.ts";
import type { StepMetrics } from "./step-metrics.ts";

export const WEBHOOK_PATH = "/api/github/webhooks";

export interface ServerParts {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly version: string;
  readonly log: Logger;
  /** Null when webhooks are off. */
  readonly app: App | null;
  readonly queue: { readonly jobs: Pick<Queue["jobs"], "counts">; readonly backend: string };
  /** Why the service can take no work now; null when it can. Asked by `/readyz`, besides the queue. */
  readonly notReady?: () => Promise<string | null>;
  readonly steps?: Pick<StepMetrics, "lines">;
  /** More pages; called before the server listens. */
  readonly pages?: (hono: Hono) => void;
}

export interface WebServer {
  readonly url: string;
  /** Takes no new request and ends when those under way have been answered, at the latest after `withinMs` (5 s). */
  close(withinMs?: number): Promise<void>;
}

/** Health, metrics and the webhook, listening when this resolves; an address in use is an exception. */
export async function startServer(parts: ServerParts): Promise<WebServer> {
  const hono = routes(parts);
  const server = createAdaptorServer({ fetch: hono.fetch }) as Server;
  // A delivery comes within seconds or not at all.
  server.requestTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(parts.port, parts.host, resolve);
  });
  server.on("error", (error) => parts.log.error({ err: error }, "web server"));
  const { port } = server.address() as AddressInfo;
  const url = `http://${parts.host.includes(":") ? `[${parts.host}]` : parts.host}:${port}`;
  return { url, close: (withinMs = 5_000) => closeServer(server, withinMs) };
}

/** Everything the web answers, for a server and for tests without a port. */
export function routes(parts: ServerParts): Hono {
  const { app, log, queue } = parts;
  const metrics = createMetrics();
  const hono = new Hono();
  hono.get("/healthz", (context) => context.text("ok\n"));
  hono.get("/readyz", async (context) => {
    const why = (await jobsOf(queue)) === null ? "the queue does not answer" : ((await parts.notReady?.()) ?? null);
    return why === null ? context.text("ready\n") : context.text(`not ready: ${why}\n`, 503);
  });
  hono.get("/metrics", async (context) =>
    context.body(metrics.text(await jobsOf(queue), parts.steps?.lines()), 200, {
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
    }),
  );
  hono.post(WEBHOOK_PATH, async (context) => {
    if (app === null) return context.text("webhooks are off: the forge is polled\n", 404);
    const started = performance.now();
    const received = await app.receive(context.req.raw);
    metrics.delivered(received, performance.now() - started);
    return context.text(`${received.message}\n`, received.status);
  });
  hono.all(WEBHOOK_PATH, (context) => context.text("only POST\n", 405, { allow: "POST" }));
  hono.get("/", async (context) => context.html(statusPage(parts, await jobsOf(queue))));
  parts.pages?.(hono);
  hono.notFound((context) => context.text("there is nothing here\n", 404));
  hono.onError((error, context) => {
    log.error({ err: error, path: context.req.path.slice(0, 200) }, "a request failed");
    return context.text("this is a bug of ours; the log has more\n", 500);
  });
  return hono;
}

/** A health check that hangs says nothing: after 2 s the queue counts as gone. */
async function jobsOf(queue: ServerParts["queue"]): Promise<Readonly<Record<string, number>> | null> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), 2_000);
  try {
    return await Promise.race([queue.jobs.counts(CONTROLLER_QUEUE), promise]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

function statusPage({ version, queue, app }: ServerParts, jobs: Readonly<Record<string, number>> | null): string {
  const waiting =
    jobs === null
      ? "does not answer"
      : Object.entries(jobs)
          .map(([state, n]) => `${n} ${state}`)
          .join(", ");
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Sluice</title>
<style>body{font:16px/1.5 system-ui;margin:3rem auto;max-width:40rem;padding:0 1rem}dt{font-weight:600}</style>
<h1>Sluice ${version}</h1>
<dl><dt>Webhooks</dt><dd>${app === null ? "off, the forge is polled" : `taken at <code>${WEBHOOK_PATH}</code>`}</dd>
<dt>Queue</dt><dd>${queue.backend}: ${waiting}</dd></dl>
<p><a href="/healthz">health</a> · <a href="/readyz">ready</a> · <a href="/metrics">metrics</a></p>
</html>
`;
}

function closeServer(server: Server, withinMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), withinMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
