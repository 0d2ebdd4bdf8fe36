import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { createFairShare, PATIENCE } from "../../src/scheduling/fair-share.ts";
import type { QueuedStep } from "../../src/scheduling/queued-step.ts";
import { jain, queued, served, simulate, type Arrival } from "../scheduling/simulator.ts";

const ALL = { cpu: 8, memoryBytes: 100, gpus: 2 };
const NOTHING = { cpu: 0, memoryBytes: 0, gpus: 0 };

const steps = fc.array(
  fc.record({
    flow: fc.constantFrom("a", "b", "c"),
    weight: fc.constant(1),
    cost: fc.integer({ min: 1, max: 1_000 }),
    priority: fc.integer({ min: -3, max: 3 }),
    path: fc.nat(100_000),
    demand: fc.record({
      cpu: fc.constantFrom(0.5, 1, 8),
      memoryBytes: fc.constantFrom(0, 10, 90),
      gpus: fc.constantFrom(0, 0, 1, 2),
    }),
    limits: fc.constantFrom([], [{ key: "repository", most: 2 }], [{ key: "author", most: 1 }]),
    at: fc.nat(5_000),
    lasts: fc.integer({ min: 1, max: 2_000 }),
  }),
  { minLength: 1, maxLength: 60 },
);

function arrivalsOf(drawn: readonly (Omit<QueuedStep, "id"> & { at: number; lasts: number })[]): Arrival[] {
  return drawn
    .map(({ at, lasts, ...step }, nth) => ({ at, lasts, step: { ...step, id: `s${nth}` } }))
    .sort((a, b) => a.at - b.at);
}

describe("whatever arrives", () => {
  test("every step starts exactly once, in the room there is, within its limits", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 5 }), (drawn, slots) => {
        const arrivals = arrivalsOf(drawn);
        const done = simulate(arrivals, { slots, room: ALL });
        expect(done.map(({ step }) => step.id).sort()).toEqual(arrivals.map(({ step }) => step.id).sort());
        for (const { started } of done) {
          const running = done.filter((one) => one.started <= started && one.ended > started);
          expect(running.length).toBeLessThanOrEqual(slots);
          for (const [key, most] of [
            ["repository", 2],
            ["author", 1],
          ] as const) {
            const limited = running.filter(({ step }) => step.limits.some((limit) => limit.key === key));
            expect(limited.length).toBeLessThanOrEqual(most);
          }
        }
      }),
    );
  });

  test("a step that is taken out, or added twice, is never given out twice", () => {
    fc.assert(
      fc.property(steps, fc.infiniteStream(fc.boolean()), (drawn, coins) => {
        const share = createFairShare();
        const all = arrivalsOf(drawn).map(({ step }) => ({ ...step, limits: [] }));
        for (const step of all) {
          share.add(step, 0);
          share.add(step, 1);
        }
        const left = all.filter((step) => (coins.next().value as boolean) || !share.remove(step.id));
        expect(share.size).toBe(left.length);
        const taken: string[] = [];
        for (let step = share.take(ALL); step !== undefined; step = share.take(ALL)) taken.push(step.id);
        expect(taken.toSorted()).toEqual(left.map(({ id }) => id).toSorted());
        expect(share.size).toBe(0);
        expect(all.some(({ id }) => share.remove(id))).toBe(false);
      }),
    );
  });

  test("two pipelines that both have steps waiting are never further apart than one step of each", () => {
    const flow = (weight: number, costs: readonly number[], name: string): QueuedStep[] =>
      costs.map((cost) => queued(name, { cost, weight }));
    const costs = fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 30, maxLength: 30 });
    const weights = fc.integer({ min: 1, max: 10 });
    fc.assert(
      fc.property(costs, costs, weights, weights, (ofA, ofB, weightA, weightB) => {
        const share = createFairShare();
        const all = [...flow(weightA, ofA, "a"), ...flow(weightB, ofB, "b")];
        for (const step of all) share.add(step, 0);
        const bound = Math.max(...ofA) / weightA + Math.max(...ofB) / weightB;
        const had = { a: 0, b: 0 };
        const left = { a: ofA.length, b: ofB.length };
        while (left.a > 0 && left.b > 0) {
          const step = share.take(ALL);
          if (step === undefined) throw new Error("steps wait, and none is given");
          const name = step.flow as "a" | "b";
          had[name] += step.cost / step.weight;
          left[name]--;
          expect(Math.abs(had.a - had.b)).toBeLessThanOrEqual(bound + 1e-6);
        }
      }),
    );
  });
});

test("behind 10,000 steps of one pipeline, another one's first step is next", () => {
  const share = createFairShare();
  for (let at = 0; at < 10_000; at++) share.add(queued("many", { priority: 100 }), 0);
  for (let at = 0; at < 4; at++) expect(share.take(NOTHING)?.flow).toBe("many");
  share.add(queued("few"), 60_000);
  expect(share.take(NOTHING)?.flow).toBe("few");
  expect(share.take(NOTHING)?.flow).toBe("many");
});

test("in a pool that is full of it, a newcomer starts with the next slot that is free", () => {
  const many: Arrival[] = Array.from({ length: 10_000 }, (_, nth) => ({
    at: 0,
    step: queued("many"),
    lasts: 500 + ((nth * 7919) % 1_000),
  }));
  const few: Arrival = { at: 30_000, step: queued("few"), lasts: 100 };
  const done = simulate([...many, few], { slots: 8, room: ALL });
  const started = done.find(({ step }) => step.flow === "few")?.started;
  const freed = done.map(({ ended }) => ended).filter((ended) => ended >= 30_000);
  expect(started).toBe(Math.min(...freed));
});

test("weights of 2 and 1 give shares of 2 and 1", () => {
  const share = createFairShare();
  for (let at = 0; at < 1_000; at++) {
    share.add(queued("double", { weight: 2 }), 0);
    share.add(queued("single", { weight: 1 }), 0);
  }
  const taken = Array.from({ length: 1_000 }, () => share.take(NOTHING)?.flow);
  const double = taken.filter((flow) => flow === "double").length;
  expect(Math.abs(double / 1_000 - 2 / 3)).toBeLessThan(0.05 * (2 / 3));
});

test("ten equal pipelines with bursts get equal parts", () => {
  // Each brings the same work in bursts of its own size and time, more than the pool can take.
  const arrivals = Array.from({ length: 10 }, (_, flow) =>
    Array.from({ length: 1_000 }, (__, nth): Arrival => {
      const burst = Math.floor(nth / (20 + 30 * flow));
      return { at: burst * 100 * (flow + 1), step: queued(`p${flow}`), lasts: 500 + ((nth * 7919) % 1_000) };
    }),
  ).flat();
  const done = simulate(arrivals, { slots: 4, room: ALL });
  // Every one of them has steps waiting from 2 s on, and until long after 600 s.
  const parts = Array.from({ length: 10 }, (_, flow) => served(done, `p${flow}`, 2_000, 600_000));
  expect(jain(parts)).toBeGreaterThan(0.98);
  const windows = Array.from({ length: 10 }, (_, nth) =>
    jain(
      Array.from({ length: 10 }, (__, flow) => served(done, `p${flow}`, 2_000 + nth * 60_000, 62_000 + nth * 60_000)),
    ),
  );
  expect(Math.min(...windows)).toBeGreaterThan(0.98);
});

test("small steps cannot starve a large one: after so many the room is kept for it", () => {
  const large = queued("large", { demand: { ...NOTHING, memoryBytes: 100 } });
  const small = (nth: number): Arrival => ({
    at: nth * 10,
    step: queued("small", { demand: { ...NOTHING, memoryBytes: 25 } }),
    lasts: 400,
  });
  const arrivals = [...Array.from({ length: 2_000 }, (_, nth) => small(nth)), { at: 1_000, step: large, lasts: 1_000 }];
  const done = simulate(arrivals, { slots: 8, room: ALL });
  const began = done.find(({ step }) => step.id === large.id);
  if (began === undefined) throw new Error("it never began");
  const before = done.filter(
    ({ step, started }) => step.flow === "small" && started > 1_000 && started < began.started,
  );
  expect(before.length).toBeLessThanOrEqual(PATIENCE);
  // From when room is kept, it waits for those that run.
  expect(began.started).toBeLessThanOrEqual(1_000 + PATIENCE * 100 + 400);
});

test("what a large step does not need goes on while room is kept for it", () => {
  const share = createFairShare();
  const gpu = queued("train", { demand: { ...NOTHING, gpus: 2 } });
  share.add(gpu, 0);
  for (let at = 0; at < 100; at++) share.add(queued("prepare", { demand: { ...NOTHING, memoryBytes: 1 } }), 0);
  for (let at = 0; at < 100; at++) share.add(queued("other", { demand: { ...NOTHING, gpus: 1 } }), 0);
  const free = { ...ALL, gpus: 1 };
  const taken = Array.from({ length: 100 }, () => share.take(free)?.flow);
  expect(taken.filter((flow) => flow === "other").length).toBeLessThanOrEqual(PATIENCE);
  expect(taken.filter((flow) => flow === "prepare").length).toBeGreaterThan(80);
  expect(share.take(ALL)).toBe(gpu);
});

test("what no machine that is there could run keeps no room from others, and runs when one comes", () => {
  const share = createFairShare();
  const large = queued("large", { demand: { ...NOTHING, cpu: 64 } });
  share.add(large, 0);
  for (let at = 0; at < 10 * PATIENCE; at++) share.add(queued("small", { demand: { ...NOTHING, cpu: 1 } }), 1);
  // Eight machines of eight cores: together they have as many as it asks for.
  const free = { ...ALL, cpu: 64 };
  const here = (cores: number) => (demand: { readonly cpu: number }) => demand.cpu <= cores;
  const taken = Array.from({ length: 10 * PATIENCE }, () => share.take(free, here(8))?.flow);
  expect(new Set(taken)).toEqual(new Set(["small"]));
  expect(share.take(free, here(8))).toBeUndefined();
  expect(share.take(free, here(64))).toBe(large);
});

test("a limit keeps its own steps waiting, and nobody else's", () => {
  const share = createFairShare();
  const limits = [{ key: "repository 7", most: 2 }];
  for (let at = 0; at < 5; at++) share.add(queued("limited", { limits }), 0);
  for (let at = 0; at < 5; at++) share.add(queued("free"), 0);
  const taken = Array.from({ length: 8 }, () => share.take(NOTHING));
  const limited = taken.filter((step) => step?.flow === "limited");
  expect([limited.length, taken.filter((step) => step?.flow === "free").length]).toEqual([2, 5]);
  expect(share.size).toBe(3);
  const [first] = limited;
  if (first !== undefined) share.ended(first);
  expect(share.take(NOTHING)?.flow).toBe("limited");
  expect(share.take(NOTHING)).toBeUndefined();
});

test("within a pipeline priority and the critical path go first, and waiting outweighs both", () => {
  const share = createFairShare();
  const [plain, long, urgent] = [queued("p"), queued("p", { path: 60_000 }), queued("p", { priority: 2 })];
  for (const step of [plain, long, urgent]) share.add(step, 0);
  const late = queued("p", { priority: 2 });
  share.add(late, 121_000);
  expect(Array.from({ length: 4 }, () => share.take(NOTHING))).toEqual([urgent, long, plain, late]);
});

test("who was away has no arrears to catch up on", () => {
  const share = createFairShare();
  const away = queued("away");
  share.add(away, 0);
  for (let at = 0; at < 1_000; at++) share.add(queued("busy"), 0);
  for (let at = 0; at < 500; at++) share.take(NOTHING);
  for (let at = 0; at < 100; at++) share.add(queued("away"), 0);
  const taken = Array.from({ length: 100 }, () => share.take(NOTHING)?.flow);
  expect(taken.filter((flow) => flow === "away").length).toBeLessThanOrEqual(51);
});
