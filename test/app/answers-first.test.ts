import { expect, test } from "vitest";

import { answersFirst } from "../../src/main/serve/answers-first.ts";
import { app, delivery, jobList, sign } from "./parts.ts";

/** A door whose answers are given one by one. */
function slow(mostMs: number) {
  const asked: (() => void)[] = [];
  const door = answersFirst(mostMs);
  const begun: string[] = [];
  return {
    deliver: () => door.answering(() => new Promise<void>((resolve) => asked.push(resolve))),
    answer: () => asked.shift()?.(),
    begin: (name: string) => door.quiet().then(() => begun.push(name)),
    begun,
  };
}

test("work begins when the last delivery has its answer, and at once where none waits", async () => {
  const door = slow(60_000);
  await door.begin("before");
  const answers = [door.deliver(), door.deliver()];
  const work = door.begin("between");
  door.answer();
  await answers[0];
  expect(door.begun).toEqual(["before"]);
  door.answer();
  await Promise.all([...answers, work]);
  await door.begin("after");
  expect(door.begun).toEqual(["before", "between", "after"]);
});

test("whoever never ends what he sends holds nothing up for longer than the time given, however much begins", async () => {
  const door = slow(400);
  void door.deliver();
  for (let at = 0; at < 20; at++) await door.begin("all the same");
  expect(door.begun).toHaveLength(20);
}, 5_000);

test("only what is signed counts as a delivery: a stranger who sends slowly holds nothing up", async () => {
  const counted: string[] = [];
  const jobs = jobList();
  const door = await app(jobs, null, undefined, (answer) => {
    counted.push(`${jobs.jobs.size} enqueued`);
    return answer();
  });
  const body = JSON.stringify({
    ref: "refs/heads/main",
    installation: { id: 7 },
    repository: { id: 5, full_name: "acme/digits" },
  });
  const statuses: number[] = [];
  for (const signature of ["", sign(body, "other"), sign(body)])
    statuses.push((await door.receive(delivery("push", body, { "x-hub-signature-256": signature }))).status);
  expect(statuses).toEqual([401, 401, 202]);
  expect(counted).toEqual(["0 enqueued"]);
});
