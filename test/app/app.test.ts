import { Webhooks } from "@octokit/webhooks";
import { expect, test } from "vitest";

import { MAX_BODY } from "../../src/app.ts";
import { triggersOf } from "../../src/trigger/delivery.ts";
import { examples, installed } from "../trigger/examples.ts";
import { app, delivery, jobList, SECRET, sign } from "./parts.ts";

const push = JSON.stringify({
  ref: "refs/heads/main",
  installation: { id: 7 },
  repository: { id: 5, full_name: "acme/digits" },
});

test("a signed delivery is enqueued and answered", async () => {
  const jobs = jobList();
  const received = await (await app(jobs)).receive(delivery("push", push));
  expect(received).toEqual({ status: 202, message: "enqueued", event: "push" });
  expect([...jobs.jobs.values()]).toEqual([
    {
      id: "reconcile-5",
      priority: 100,
      payload: {
        kind: "reconcile",
        repository: { installation: 7, id: 5, fullName: "acme/digits" },
        because: "push to main",
      },
    },
  ]);
});

test("every example of GitHub's is answered as it is read, and Probot takes each", async () => {
  const jobs = jobList();
  const door = await app(jobs);
  for (const { event, payload } of examples()) {
    const body = JSON.stringify(installed(payload));
    const { status } = await door.receive(delivery(event, body));
    const { kind } = triggersOf(event, "d", JSON.parse(body));
    expect(status, `${event} ${String(payload["action"])}`).toBe({ triggers: 202, ignored: 200, malformed: 400 }[kind]);
  }
  expect(jobs.jobs.size).toBe(10);
});

test.each<[string, number, Request]>([
  ["no signature", 401, delivery("push", push, { "x-hub-signature-256": "" })],
  ["another secret", 401, delivery("push", push, { "x-hub-signature-256": sign(push, "other") })],
  ["a signature of other bytes", 401, delivery("push", push, { "x-hub-signature-256": sign(`${push} `) })],
  ["a SHA-1 signature", 401, delivery("push", push, { "x-hub-signature-256": "sha1=abc" })],
  ["no event", 400, delivery("", push)],
  ["an event that is none", 400, delivery("<script>", push)],
  ["not JSON", 400, delivery("push", "{")],
  ["no UTF-8", 400, delivery("push", new Uint8Array([0x22, 0xff, 0xfe, 0x22]))],
  ["a list", 400, delivery("push", "[]")],
  ["null", 400, delivery("push", "null")],
  ["nothing", 400, delivery("push", "")],
  ["no installation", 400, delivery("push", JSON.stringify({ ref: "refs/heads/main" }))],
  ["a form", 415, delivery("push", push, { "content-type": "application/x-www-form-urlencoded" })],
  ["an event of no interest", 200, delivery("star", push)],
])("%s: %i and no job", async (_name, status, request) => {
  const jobs = jobList();
  const received = await (await app(jobs)).receive(request);
  expect(received.status).toBe(status);
  expect(received.message).toMatch(/^[a-z][^\n]{5,120}$/i);
  expect(jobs.jobs.size).toBe(0);
});

test("more than 25 MB is refused whether it says so or not, and just 25 MB is read", async () => {
  const jobs = jobList();
  const door = await app(jobs);
  const large = new Uint8Array(MAX_BODY + 1).fill(0x20);
  expect((await door.receive(delivery("push", large, { "content-length": String(large.length) }))).status).toBe(413);
  expect((await door.receive(delivery("push", large))).status).toBe(413);
  const full = new Uint8Array(MAX_BODY).fill(0x20);
  full.set(new TextEncoder().encode(push));
  expect((await door.receive(delivery("push", full))).status).toBe(202);
});

test("two secrets while one is changed", async () => {
  const jobs = jobList();
  const door = await app(jobs, "the old one");
  const with_ = (secret: string): Request => delivery("push", push, { "x-hub-signature-256": sign(push, secret) });
  expect((await door.receive(with_("the old one"))).status).toBe(202);
  expect((await door.receive(delivery("push", push))).status).toBe(202);
  expect((await door.receive(with_("a third one"))).status).toBe(401);
});

test("what could not be enqueued is not acknowledged, and is done when it is delivered again", async () => {
  const jobs = jobList();
  const door = await app(jobs);
  jobs.down = true;
  expect((await door.receive(delivery("push", push))).status).toBe(503);
  expect(jobs.jobs.size).toBe(0);
  jobs.down = false;
  expect((await door.receive(delivery("push", push))).status).toBe(202);
  expect((await door.receive(delivery("push", push))).status).toBe(202);
  expect(jobs.jobs.size).toBe(1);
});

test.each(["", "development"])("does not start with the secret %o", async (secret) => {
  await expect(app(jobList(), null, secret)).rejects.toThrow("secret");
  await expect(app(jobList(), "development")).rejects.toThrow("secret");
});

test("two hundred deliveries at once are answered within a second each", async () => {
  const jobs = jobList();
  const door = await app(jobs);
  const payload = installed(examples().find(({ event }) => event === "pull_request")?.payload ?? {});
  const times = await Promise.all(
    Array.from({ length: 200 }, async (_, number) => {
      const body = JSON.stringify({ ...payload, pull_request: { number: number + 1 } });
      const started = performance.now();
      expect((await door.receive(delivery("pull_request", body))).status).toBe(202);
      return performance.now() - started;
    }),
  );
  expect(Math.max(...times)).toBeLessThan(1_000);
  expect(jobs.jobs.size).toBe(200);
});

test("what the stock library signs is taken", async () => {
  const signature = await new Webhooks({ secret: SECRET }).sign(push);
  const door = await app(jobList());
  expect((await door.receive(delivery("push", push, { "x-hub-signature-256": signature }))).status).toBe(202);
});

test("a payload nested a million deep is a payload", async () => {
  const deep = push.replace("{", `{"deep":${"[".repeat(1_000_000)}${"]".repeat(1_000_000)},`);
  const door = await app(jobList());
  expect((await door.receive(delivery("push", deep))).status).toBe(202);
});

test("a queue that hangs is said before GitHub gives up", async () => {
  const jobs = jobList();
  jobs.add = () => new Promise(() => undefined);
  const started = performance.now();
  expect((await (await app(jobs)).receive(delivery("push", push))).status).toBe(503);
  expect(performance.now() - started).toBeLessThan(9_000);
});
