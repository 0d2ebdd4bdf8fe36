import { expect, test } from "vitest";

import { createFairShare, PATIENCE, type FairShare } from "../../src/scheduling/fair-share.ts";
import type { QueuedStep } from "../../src/scheduling/queued-step.ts";
import { queued } from "./simulator.ts";

const NOTHING = { cpu: 0, memoryBytes: 0, gpus: 0 };
const LARGE = { ...NOTHING, memoryBytes: 10 };
const SMALL = { ...NOTHING, memoryBytes: 1 };

function limited(flow: string, ...limits: readonly (readonly [key: string, most: number])[]): QueuedStep {
  return queued(flow, { limits: limits.map(([key, most]) => ({ key, most })) });
}

/** A pool of which `free` is free in which room is kept for a large step. */
function withRoomKept(): { share: FairShare; large: QueuedStep; free: typeof NOTHING } {
  const share = createFairShare();
  const [large, free] = [queued("large", { demand: LARGE }), { ...NOTHING, memoryBytes: 9 }];
  for (let nth = 0; nth <= PATIENCE; nth++) share.add(queued("small", { demand: SMALL }), 0);
  share.add(large, 0);
  for (let nth = 0; nth < PATIENCE + 1; nth++) if (share.take(free) === undefined) throw new Error("nothing fits");
  share.add(queued("small", { demand: SMALL }), 0);
  if (share.take(free) !== undefined) throw new Error("no room is kept");
  return { share, large, free };
}

test("room that was kept for a step is free at once when nobody wants that step any more", () => {
  const { share, large, free } = withRoomKept();
  expect(share.remove(large.id)).toBe(true);
  expect(share.take(free)?.flow).toBe("small");
});

test("room that was kept for a step is free at once when the machine went that could run it", () => {
  const { share, free } = withRoomKept();
  expect(share.take(free, ({ memoryBytes }) => memoryBytes < LARGE.memoryBytes)?.flow).toBe("small");
});

test("room is kept for the step whose turn it is first, and for the next one when that has started", () => {
  const share = createFairShare();
  const small = (nth: number): QueuedStep => queued(`small${nth}`, { demand: { ...SMALL, gpus: 1 } });
  const [first, second] = [queued("first", { demand: LARGE }), queued("second", { demand: { ...NOTHING, gpus: 9 } })];
  share.add(second, 1);
  share.add(first, 0);
  const free = { ...NOTHING, memoryBytes: 9, gpus: 8 };
  for (let nth = 0; nth < PATIENCE; nth++) {
    share.add(small(nth), 2);
    expect(share.take(free)).toBeDefined();
  }
  // From now on the memory is kept, and what needs none of it starts.
  share.add(small(99), 2);
  expect(share.take(free)).toBeUndefined();
  const other = queued("other", { demand: { ...NOTHING, gpus: 1 } });
  share.add(other, 2);
  expect(share.take(free)).toBe(other);
  expect(share.take({ ...free, memoryBytes: 10 })).toBe(first);
  expect(share.take(free)?.flow).toBe("small99");
});

test("an earlier step of a pipeline is first again when its limit is no more reached", () => {
  const share = createFairShare();
  const [running, early, late] = [limited("other", ["author", 1]), limited("p", ["author", 1]), queued("p")];
  share.running(running);
  share.add(early, 0);
  share.add(queued("q"), 0);
  share.add(queued("q"), 0);
  expect([share.take(NOTHING)?.flow, share.take(NOTHING)?.flow]).toEqual(["q", "q"]);
  share.add(late, 1);
  share.ended(running);
  expect([share.take(NOTHING), share.take(NOTHING)]).toEqual([early, late]);
});

test("a step with several limits waits until none of them is reached", () => {
  const share = createFairShare();
  const [ofRepository, ofAuthor] = [limited("x", ["repository", 1]), limited("y", ["author", 1])];
  share.running(ofRepository);
  share.running(ofAuthor);
  const step = limited("z", ["repository", 1], ["author", 1]);
  share.add(step, 0);
  expect(share.take(NOTHING)).toBeUndefined();
  share.ended(ofRepository);
  expect(share.take(NOTHING)).toBeUndefined();
  share.ended(ofAuthor);
  expect(share.take(NOTHING)).toBe(step);
  expect(share.take(NOTHING)).toBeUndefined();
});

test("steps that wait for a limit can be taken out, and the limit is free for the others", () => {
  const share = createFairShare();
  const [running, gone, next] = [limited("a", ["author", 1]), limited("b", ["author", 1]), limited("c", ["author", 1])];
  share.running(running);
  for (const step of [gone, next]) share.add(step, 0);
  expect(share.take(NOTHING)).toBeUndefined();
  expect(share.remove(gone.id)).toBe(true);
  share.ended(running);
  expect(share.take(NOTHING)).toBe(next);
  share.ended(next);
  expect([share.size, share.take(NOTHING)]).toEqual([0, undefined]);
});

test("who has had more than its turn is remembered among a thousand pipelines that came and went", () => {
  const share = createFairShare();
  share.add(queued("often"), 0);
  for (let nth = 0; nth < 1_000; nth++) {
    const one = queued(`once${nth}`, { cost: 1 });
    share.add(one, 0);
    const [taken, also] = [share.take(NOTHING), share.take(NOTHING)];
    expect(share.size).toBe(0);
    for (const step of [taken, also]) if (step !== undefined && step.flow !== "often") share.ended(step);
  }
  share.add(queued("often"), 0);
  const newcomer = queued("newcomer");
  share.add(newcomer, 1);
  expect(share.take(NOTHING)).toBe(newcomer);
  expect(share.take(NOTHING)?.flow).toBe("often");
});

test("who has only steps that a limit holds back saves up no turns for others of its own", () => {
  const share = createFairShare();
  share.running(limited("x", ["author", 1]));
  share.add(limited("held", ["author", 1]), 0);
  for (let nth = 0; nth < 100; nth++) share.add(queued("busy"), 0);
  for (let nth = 0; nth < 50; nth++) expect(share.take(NOTHING)?.flow).toBe("busy");
  for (let nth = 0; nth < 50; nth++) share.add(queued("held"), 0);
  const taken = Array.from({ length: 40 }, () => share.take(NOTHING)?.flow);
  expect(Math.abs(taken.filter((flow) => flow === "held").length - 20)).toBeLessThanOrEqual(1);
});
