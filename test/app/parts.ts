import { createHmac, generateKeyPairSync } from "node:crypto";

import { pino } from "pino";

import { createApp, type App, type AppParts } from "../../src/app.ts";
import type { QueuedJob } from "../../src/queue/queue.ts";

export const SECRET = "a secret of the test";
export const PRIVATE_KEY = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
}).privateKey;

/** Keeps jobs by id, as a queue does; can be told to fail. */
export interface JobList {
  readonly jobs: Map<string, QueuedJob>;
  down: boolean;
  add(queue: string, jobs: readonly QueuedJob[]): Promise<void>;
  counts(): Promise<{ waiting: number; active: number; delayed: number }>;
}

export function jobList(): JobList {
  const jobs = new Map<string, QueuedJob>();
  return {
    jobs,
    down: false,
    add(_queue, added) {
      if (this.down) return Promise.reject(new Error("connection refused"));
      for (const job of added) if (!jobs.has(job.id)) jobs.set(job.id, job);
      return Promise.resolve();
    },
    counts() {
      if (this.down) return Promise.reject(new Error("connection refused"));
      return Promise.resolve({ waiting: jobs.size, active: 0, delayed: 0 });
    },
  };
}

export function app(
  jobs: JobList,
  previous: string | null = null,
  secret = SECRET,
  answering: AppParts["answering"] = (answer) => answer(),
): Promise<App> {
  return createApp({
    config: {
      app: { id: 1, privateKey: PRIVATE_KEY },
      webhooks: { secret, previous },
      forge: { web: "https://github.com", api: "https://api.github.com" },
    },
    queue: { jobs },
    log: pino({ level: "silent" }),
    answering,
  });
}

export function sign(body: string | Uint8Array, secret = SECRET): string {
  return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
}

export function delivery(
  event: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Request {
  return new Request("http://localhost/api/github/webhooks", {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "x-github-event": event,
      "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
      "x-hub-signature-256": sign(body),
      ...headers,
    },
  });
}
