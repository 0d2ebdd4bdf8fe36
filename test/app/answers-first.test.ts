import { expect, test } from "vitest";

import type { App } from "../../src/app.ts";
import { answersFirst } from "../../src/main/serve/answers-first.ts";

type Received = Awaited<ReturnType<App["receive"]>>;

/** A door whose answers are given one by one. */
function slow(mostMs: number) {
  const asked: ((answer: Received) => void)[] = [];
  const door = answersFirst({ receive: () => new Promise((resolve) => asked.push(resolve)) }, mostMs);
  const begun: string[] = [];
  return {
    deliver: () => door.app.receive(new Request("http://localhost/")),
    answer: () => asked.shift()?.({ status: 202, message: "enqueued" } as Received),
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
