import { createHmac, randomUUID } from "node:crypto";

import { expect, test } from "vitest";

import { MAX_BODY } from "../../src/app.ts";
import { examples, installed } from "../trigger/examples.ts";
import { expectInOrder } from "./order.ts";
import { digits } from "./repositories.ts";
import { gitIn, recorded, town, type Town } from "./town.ts";

const all = examples();
/** Every so many of all fields are damaged: all of them would be some eighty thousand payloads. */
const EVERY = 29;
const WRONG: readonly unknown[] = [null, 0, -1, "", "x", true, [], {}, [null], { id: "1" }];

interface Sent {
  readonly what: string;
  readonly event: string;
  readonly body: string;
}

/** Each example as it is, and with each of its fields gone or of another type: a fixed sample, for there are thousands. */
function damaged(): readonly Sent[] {
  const sent: Sent[] = [];
  let count = 0;
  for (const [index, { event, payload }] of all.entries()) {
    const whole = installed(payload);
    const add = (what: string, body: object): void =>
      void sent.push({ what: `${event} ${index}: ${what}`, event, body: JSON.stringify(body) });
    add("as it is", payload);
    add("installed", whole);
    for (const path of paths(whole)) {
      if (count++ % EVERY !== 0) continue;
      add(`without ${path.join(".")}`, changed(whole, path, undefined));
      add(`${path.join(".")} wrong`, changed(whole, path, WRONG[count % WRONG.length]));
    }
  }
  return sent;
}

/** Fields of the payload itself, and those of what it names. */
function paths(payload: Readonly<Record<string, unknown>>): readonly (readonly [string, ...string[]])[] {
  return Object.entries(payload).flatMap(([name, value]) => {
    const below = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
    return [[name] as const, ...below.map((inner) => [name, inner] as const)];
  });
}

function changed(payload: object, [name, ...rest]: readonly [string, ...string[]], value: unknown): object {
  const copy = { ...payload } as Record<string, unknown>;
  const [next] = rest;
  const inside = next === undefined ? value : changed(copy[name] as object, [next], value);
  if (inside === undefined) delete copy[name];
  else copy[name] = inside;
  return copy;
}

function deliver(place: Town, { event, body }: Pick<Sent, "event" | "body">, signature?: string): Promise<Response> {
  const { secret } = place.twin.app;
  return fetch(`${place.service.web.url}/api/github/webhooks`, {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "x-github-delivery": randomUUID(),
      "x-github-event": event,
      "x-hub-signature-256": signature ?? `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
    },
  });
}

/** What a service wrote anywhere: to the forge, or to git. */
async function writes(place: Town, repository: { readonly directory: string }): Promise<unknown> {
  const asked = place.twin.exchanges.filter(
    ({ call }) => call.method !== "GET" && !call.path.endsWith("/access_tokens"),
  );
  return [asked.length, await gitIn(repository.directory, "for-each-ref")];
}

test("no payload, whole or damaged, crashes the service or makes it write", { timeout: 240_000 }, async () => {
  const place = await town();
  const repository = await digits(place.twin.forge);
  // Whatever is due was done: when the minute passes meanwhile, there is nothing to write either.
  await place.until("first contact", async () => (await recorded(repository)).length === 1);
  await expectInOrder(place, repository);
  place.twin.forge.deliveries.url = null;
  const before = await writes(place, repository);
  const counts = new Map<number, number>();
  const sent = damaged();
  process.stdout.write(`${sent.length} payloads of ${all.length} examples, every ${EVERY}th field of each damaged\n`);
  for (let at = 0; at < sent.length; at += 20) {
    await Promise.all(
      sent.slice(at, at + 20).map(async (one) => {
        const answer = await deliver(place, one);
        const said = await answer.text();
        expect([200, 202, 400], `${one.what}: ${said}`).toContain(answer.status);
        expect(said, one.what).toMatch(/^[^\n]{3,200}\n$/);
        counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
      }),
    );
  }
  // Replayed, unsigned, signed by somebody else, and as large as GitHub sends them and one byte more.
  const [first] = sent;
  if (first === undefined) throw new Error("unreachable: there are examples");
  for (let times = 0; times < 3; times++) expect((await deliver(place, first)).status).toBeLessThan(500);
  expect((await deliver(place, first, "")).status).toBe(401);
  expect((await deliver(place, first, `sha256=${"0".repeat(64)}`)).status).toBe(401);
  const full = { event: "push", body: `{"x":"${"x".repeat(MAX_BODY - 8)}"}` };
  expect(full.body.length).toBe(MAX_BODY);
  expect((await deliver(place, full)).status).toBe(400);
  const over = await deliver(place, { ...full, body: `${full.body} ` }).then(
    ({ status }) => status,
    // A body that nobody reads to its end may end the connection.
    () => 413,
  );
  expect(over).toBe(413);
  expect([...counts.keys()].sort()).toEqual([200, 202, 400]);
  await place.until("all of it was looked at", async () => {
    const { waiting, active } = await place.service.queue.jobs.counts("controller");
    return waiting + active === 0;
  });
  // The examples are about repositories that this App is not in: there is nothing to write to.
  expect(await writes(place, repository)).toEqual(before);
  expect((await fetch(`${place.service.web.url}/readyz`)).status).toBe(200);
});
