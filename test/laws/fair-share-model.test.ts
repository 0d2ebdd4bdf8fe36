import fc from "fast-check";
import { expect, test } from "vitest";

import { createFairShare, type FairShare } from "../../src/scheduling/fair-share.ts";
import type { QueuedStep, Room } from "../../src/scheduling/queued-step.ts";
import { plainFairShare } from "../scheduling/plain-fair-share.ts";

const room = fc.record({
  cpu: fc.constantFrom(0, 0.5, 2, 4),
  memoryBytes: fc.constantFrom(0, 10, 40),
  gpus: fc.constantFrom(0, 0, 1, 2),
});
const NOTHING = { cpu: 0, memoryBytes: 0, gpus: 0 };
const limits = fc.constantFrom([], [{ key: "repository", most: 2 }]);
const queued = {
  flow: fc.constantFrom("a", "b", "c"),
  weight: fc.constantFrom(1, 2, 5),
  cost: fc.constantFrom(1, 60, 100),
  priority: fc.integer({ min: -1, max: 1 }),
  path: fc.constantFrom(0, 60_000),
};

/** What a dispatcher tells a backlog: `nth` is one of those that wait, or of those that run. */
const commands = (step: fc.Arbitrary<Omit<QueuedStep, "id">>, free: fc.Arbitrary<Room>) => {
  const nth = fc.nat(99);
  const one = fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({ kind: fc.constant("add" as const), step, later: fc.constantFrom(0, 30_000) }),
    },
    { weight: 12, arbitrary: fc.record({ kind: fc.constant("take" as const), free, cores: fc.constantFrom(2, 9, 9) }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("ended" as const), nth }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("remove" as const, "again" as const), nth }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("running" as const), step }) },
  );
  return fc.array(one, { maxLength: 200, size: "max" });
};
type Command = ReturnType<typeof commands> extends fc.Arbitrary<readonly (infer One)[]> ? One : never;

/** What a share answers to commands, one after the other; no two steps have one id. */
function answers(share: FairShare, told: readonly Command[]): readonly unknown[] {
  const waiting = new Map<string, QueuedStep>();
  const under: QueuedStep[] = [];
  let now = 0;
  return told.map((one, at) => {
    switch (one.kind) {
      case "add": {
        const added = { ...one.step, id: `${at}` };
        now += one.later;
        waiting.set(added.id, added);
        share.add(added, now);
        return share.size;
      }
      case "take": {
        const taken = share.take(one.free, ({ cpu }) => cpu <= one.cores);
        if (taken === undefined) return undefined;
        waiting.delete(taken.id);
        under.push(taken);
        return taken.id;
      }
      case "again": {
        const known = [...waiting.values()][one.nth % Math.max(1, waiting.size)];
        if (known !== undefined) share.add(known, now);
        return share.size;
      }
      case "remove": {
        const id = [...waiting.keys()][one.nth % Math.max(1, waiting.size)] ?? "nobody";
        waiting.delete(id);
        return [share.remove(id), share.remove(id)];
      }
      case "running": {
        const before = { ...one.step, id: `${at}` };
        under.push(before);
        share.running(before);
        return share.size;
      }
      case "ended": {
        const [ended] = under.splice(one.nth % Math.max(1, under.length), 1);
        if (ended !== undefined) share.ended(ended);
        return share.size;
      }
    }
  });
}

const RUNS = { numRuns: 400 };

test("whatever asks for whatever room, each turn is the one that the page says", () => {
  fc.assert(
    fc.property(commands(fc.record({ ...queued, demand: room, limits: fc.constant([]) }), room), (told) => {
      expect(answers(createFairShare(), told)).toEqual(answers(plainFairShare(), told));
    }),
    RUNS,
  );
});

test("whatever limits there are, each turn is the one that the page says", () => {
  const step = fc.record({ ...queued, demand: fc.constant(NOTHING), limits });
  fc.assert(
    fc.property(commands(step, fc.constant(NOTHING)), (told) => {
      expect(answers(createFairShare(), told)).toEqual(answers(plainFairShare(), told));
    }),
    RUNS,
  );
});
