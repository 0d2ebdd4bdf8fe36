import { createHmac, hash, timingSafeEqual } from "node:crypto";

import type { Logger } from "pino";
import { Probot } from "probot";

import type { ServiceConfig } from "./config-service.ts";
import type { Jobs } from "./queue/queue.ts";
import { ACTED_ON, triggersOf } from "./trigger/delivery.ts";
import { CONTROLLER_QUEUE, jobOf } from "./trigger/job.ts";

/** GitHub sends at most 25 MB. */
export const MAX_BODY = 25 * 1024 * 1024;
/** GitHub gives up after 10 s: said before that, it can deliver again. */
const ENQUEUE_MS = 5_000;

export interface Received {
  readonly status: 200 | 202 | 400 | 401 | 413 | 415 | 503;
  /** One sentence for whoever looks at the delivery on GitHub. */
  readonly message: string;
  /** An event that is acted on, or `other`. */
  readonly event: string;
}

export interface App {
  /** Verifies one delivery, enqueues what it wakes us for, and answers; it does nothing else. */
  receive(request: Request): Promise<Received>;
}

export interface AppParts {
  readonly config: Pick<ServiceConfig, "app" | "webhooks" | "forge">;
  readonly queue: { readonly jobs: Pick<Jobs, "add"> };
  readonly log: Logger;
  /** Does what is left of a delivery whose signature is right. */
  readonly answering: <T>(answer: () => Promise<T>) => Promise<T>;
}

/**
 * The door for GitHub's deliveries. Size, signature (over the raw bytes, with one secret or two) and shape are checked
 * before Probot sees anything, because its own middleware knows one secret, no limit, and one answer to all mistakes.
 */
export async function createApp({ config, queue, log, answering }: AppParts): Promise<App> {
  const { webhooks } = config;
  if (webhooks === null) throw new Error("webhooks are off");
  const secrets = [webhooks.secret, ...(webhooks.previous === null ? [] : [webhooks.previous])];
  if (secrets.some((secret) => secret === "" || secret === "development")) {
    throw new Error("the App does not start without a webhook secret of its own");
  }
  const probot = new Probot({
    appId: config.app.id,
    privateKey: config.app.privateKey,
    secret: webhooks.secret,
    baseUrl: config.forge.api,
    // What fails is told once, by receive.
    log: log.child({}, { level: "silent" }),
  });
  await probot.load((app) => enqueueEverything(app, queue.jobs));
  return {
    async receive(request) {
      const started = performance.now();
      const delivery = request.headers.get("x-github-delivery") ?? "";
      const own = log.child({ delivery: delivery.slice(0, 64) });
      const received = await receiveOne(probot, secrets, { request, delivery, log: own, answering });
      own.info({ ...received, ms: Math.round(performance.now() - started) }, "delivery");
      return received;
    },
  };
}

/** The Probot app: every event becomes durable jobs of the controller. */
export function enqueueEverything(app: Pick<Probot, "onAny">, jobs: Pick<Jobs, "add">): void {
  app.onAny(async ({ id, name, payload }) => {
    const read = triggersOf(name, id, payload);
    if (read.kind !== "triggers") return;
    await jobs.add(
      CONTROLLER_QUEUE,
      read.triggers.map((trigger) => jobOf(trigger, id)),
    );
  });
}

interface Delivery {
  readonly request: Request;
  readonly delivery: string;
  readonly log: Logger;
  readonly answering: AppParts["answering"];
}

async function receiveOne(probot: Probot, secrets: readonly string[], delivery: Delivery): Promise<Received> {
  const { headers } = delivery.request;
  const name = headers.get("x-github-event") ?? "";
  const event = ACTED_ON.has(name) ? name : "other";
  const answer: Answer = (status, message) => ({ status, message, event });
  if (!/^[a-z0-9_]{1,64}$/.test(name)) return answer(400, "the header X-GitHub-Event is missing or no event");
  const signature = /^sha256=([0-9a-f]{64})$/.exec(headers.get("x-hub-signature-256") ?? "")?.[1];
  if (signature === undefined) return answer(401, "the header X-Hub-Signature-256 is missing or no signature");
  if (!/^application\/json\b/.test(headers.get("content-type") ?? "")) {
    return answer(415, "set the content type of the webhook to application/json");
  }
  const body = await readBody(delivery.request);
  if (body === "too-large") return answer(413, "the payload is larger than 25 MB");
  if (body === "broken") return answer(400, "the payload did not arrive whole");
  if (!isSigned(body, signature, secrets))
    return answer(401, "the signature does not match the payload and the secret");
  return delivery.answering(() => enqueueOne(probot, { ...delivery, name, body }, answer));
}

type Answer = (status: Received["status"], message: string) => Received;

async function enqueueOne(
  probot: Probot,
  { delivery, log, name, body }: Delivery & { readonly name: string; readonly body: Uint8Array },
  answer: Answer,
): Promise<Received> {
  const payload = parseJson(body);
  if (payload === undefined) return answer(400, "the payload is not JSON");
  // A delivery without an id is named by its bytes, so that delivered again it is the same.
  const id = delivery === "" ? hash("sha256", body) : delivery;
  const read = triggersOf(name, id, payload);
  if (read.kind === "malformed") return answer(400, read.why);
  if (read.kind === "ignored") return answer(200, read.why);
  // The event's name is one of ACTED_ON, all of which Probot's types know.
  const known = { id, name, payload } as unknown as Parameters<Probot["receive"]>[0];
  try {
    await within(probot.receive(known), ENQUEUE_MS);
  } catch (error) {
    log.error({ err: error }, "the delivery could not be enqueued");
    return answer(503, "the queue cannot be reached: deliver this again");
  }
  return answer(202, "enqueued");
}

async function readBody(request: Request): Promise<Uint8Array | "too-large" | "broken"> {
  const said = request.headers.get("content-length");
  if (said !== null && Number(said) > MAX_BODY) return "too-large";
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    // A length that is said is kept by HTTP itself; without one, every chunk is counted.
    if (said !== null && /^\d+$/.test(said)) return new Uint8Array(await request.arrayBuffer());
    if (request.body === null) return new Uint8Array();
    for await (const chunk of request.body) {
      size += chunk.byteLength;
      if (size > MAX_BODY) return "too-large";
      chunks.push(chunk);
    }
  } catch {
    return "broken";
  }
  return Buffer.concat(chunks, size);
}

function isSigned(body: Uint8Array, signature: string, secrets: readonly string[]): boolean {
  const given = Buffer.from(signature, "hex");
  // Every secret is tried, so that time does not tell which one it was.
  return secrets
    .map((secret) => timingSafeEqual(createHmac("sha256", secret).update(body).digest(), given))
    .includes(true);
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

async function within(work: Promise<void>, ms: number): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`the queue did not answer within ${ms / 1000} s`)), ms);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
