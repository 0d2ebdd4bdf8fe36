import type { Telemetry } from "bullmq";

import type { Queue } from "./queue.ts";

export interface OpenQueueOptions {
  /** SLUICE_DATA: where the embedded database lives. */
  readonly data: string;
  /** Names this process for people, wherever the backend lists its clients. */
  readonly holder: string;
  /** Told what goes wrong in the background and mends itself: a lost connection, an expired lock. */
  readonly onError: (error: unknown) => void;
  /** Carries traces with the jobs. */
  readonly telemetry?: Telemetry | undefined;
}

/** Why there is no queue: which variable, what it should have been, and one that works. */
export interface QueueRefusal {
  readonly kind: "refused";
  /** `malformed`: the value is wrong; `away`: nothing answers there, try again later. */
  readonly because: "malformed" | "away";
  readonly variable: "SLUICE_QUEUE_URL";
  /** The value without its password. */
  readonly found: string;
  readonly expected: string;
  readonly example: string;
}

/** What to tell whoever started without a queue. */
export function queueWords({ because, variable, found, expected, example }: QueueRefusal): {
  readonly reason: "usage" | "later";
  readonly why: string;
  readonly next: string;
} {
  const next = `${variable}=${example}`;
  const reason = because === "malformed" ? "usage" : "later";
  if (because === "malformed" || found === "embedded:") return { reason, why: `${variable}: ${expected}`, next };
  return {
    reason,
    why: `${variable}: ${found} is not ${expected}`,
    next: `start it, or give the address at which it is`,
  };
}

export type OpenedQueue = { readonly kind: "opened"; readonly queue: Queue } | QueueRefusal;

const KINDS = "redis://…, rediss://…, postgres://… or embedded:";

/** Opens the queue that a URL names, created and brought up to date where needed. */
export async function openQueue(url: string, options: OpenQueueOptions): Promise<OpenedQueue> {
  const scheme = /^[a-z]+:/.exec(url)?.[0];
  if (scheme === "embedded:" && url === scheme) return attempt(url, () => embedded(options));
  if (!URL.canParse(url) || scheme === undefined) return malformed(url);
  switch (scheme) {
    case "redis:":
    case "rediss:":
      return attempt(url, async () => (await import("./redis-queue.ts")).redisQueue({ url, ...options }));
    case "postgres:":
    case "postgresql:":
      return attempt(url, async () =>
        (await import("./postgres-queue.ts")).postgresQueue({ url, backend: "postgres", ...options }),
      );
    default:
      return malformed(url);
  }
}

async function embedded({ data, holder, onError, telemetry }: OpenQueueOptions): Promise<Queue> {
  const { embeddedPostgres } = await import("./embedded-postgres.ts");
  const { postgresQueue } = await import("./postgres-queue.ts");
  const server = await embeddedPostgres(data);
  const closed = (): Promise<void> => server.release();
  try {
    return await postgresQueue({ url: server.url, backend: "embedded postgres", holder, onError, closed, telemetry });
  } catch (error) {
    await server.release();
    throw error;
  }
}

async function attempt(url: string, open: () => Promise<Queue>): Promise<OpenedQueue> {
  try {
    return { kind: "opened", queue: await open() };
  } catch (error) {
    const why = error instanceof Error && error.message !== "" ? error.message : String(error);
    return {
      kind: "refused",
      because: "away",
      variable: "SLUICE_QUEUE_URL",
      found: withoutPassword(url),
      expected: `a queue that can be reached (${why})`,
      example: url === "embedded:" ? "redis://127.0.0.1:6379" : "embedded:",
    };
  }
}

function malformed(url: string): QueueRefusal {
  return {
    kind: "refused",
    because: "malformed",
    variable: "SLUICE_QUEUE_URL",
    found: withoutPassword(url),
    expected: KINDS,
    example: "redis://127.0.0.1:6379",
  };
}

function withoutPassword(url: string): string {
  return url.replace(/(\/\/[^/@]*:)[^/@]*@/, "$1…@");
}
