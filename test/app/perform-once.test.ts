import { expect, onTestFinished, test } from "vitest";

import { performOnce, type Deed } from "../../src/main/serve/perform-once.ts";
import { openQueue } from "../../src/queue/open-queue.ts";
import type { Performed, Queue } from "../../src/queue/queue.ts";
import { embeddedBackend, hasRedis, redisBackend } from "../contract/queue-backends.ts";

async function table(): Promise<Queue["table"]> {
  const backend = await (hasRedis() ? redisBackend() : embeddedBackend());
  onTestFinished(() => backend.stop());
  const opened = await openQueue(backend.url, { data: backend.data, holder: "one", onError: () => undefined });
  if (opened.kind === "refused") throw new Error(opened.expected);
  onTestFinished(() => opened.queue[Symbol.asyncDispose]());
  return opened.queue.table;
}

const LATER = { kind: "again", afterMs: 1_000 } as const;
const DONE = { kind: "done" } as const;

/** Answers one after the other, and how many were asked for. */
function answers<Answer>(...given: readonly Answer[]): { readonly ask: () => Promise<Answer>; asked: number } {
  const one = {
    asked: 0,
    ask: () => {
      const answer = given[one.asked++];
      if (answer === undefined) throw new Error("asked once too often");
      return Promise.resolve(answer);
    },
  };
  return one;
}

test("what is told later is not done again, and what could not be done is", async () => {
  const at = { table: await table(), name: "answered/1", word: "button:7" };
  const deed = answers<Deed<number>>(LATER, { kind: "did", tell: 12 });
  const tell = answers<Performed>(LATER, LATER, DONE);
  const told: number[] = [];
  const perform = (): Promise<Performed> =>
    performOnce(at, deed.ask, (about) => {
      told.push(about);
      return tell.ask();
    });

  const performed = [];
  for (let nth = 0; nth < 5; nth++) performed.push((await perform()).kind);

  expect(performed).toEqual(["again", "again", "again", "done", "done"]);
  expect([deed.asked, told]).toEqual([2, [12, 12, 12]]);
  expect(await at.table.get(at.name, at.word)).toBe(true);
});

test("telling that breaks leaves what was done done; nothing to tell is told", async () => {
  const at = { table: await table(), name: "answered/1", word: "8" };
  const deed = answers<Deed<number>>({ kind: "did", tell: 12 });
  const broken = (): Promise<Performed> => Promise.reject(new Error("the forge is away"));

  await expect(performOnce(at, deed.ask, broken)).rejects.toThrow("the forge is away");
  expect(await performOnce(at, deed.ask, answers<Performed>(DONE).ask)).toEqual(DONE);

  const quiet = answers<Deed<number>>({ kind: "did", tell: null });
  expect(await performOnce({ ...at, word: "9" }, quiet.ask, broken)).toEqual(DONE);
});
