import fc from "fast-check";
import { expect, test } from "vitest";

import { advance, beginRun, isOver, type Stage } from "../../src/run/advance.ts";
import { createBacklog } from "../../src/scheduling/backlog.ts";
import { criticalPaths } from "../../src/scheduling/critical-path.ts";

const stages: fc.Arbitrary<readonly Stage[]> = fc.integer({ min: 1, max: 12 }).chain((count) =>
  fc.array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: count, maxLength: count }).map((befores) =>
    befores.map((before, at) => ({
      name: `s${at}`,
      after: at === 0 ? [] : [...new Set(before.map((number) => `s${number % at}`))],
    })),
  ),
);

test("every step ends or is excluded, each starts after what it waits for, in any order of ends and failures", () => {
  fc.assert(
    fc.property(stages, fc.infiniteStream(fc.nat()), fc.infiniteStream(fc.boolean()), (steps, picks, fates) => {
      const { state, ready } = beginRun(steps);
      const after = new Map(steps.map((step) => [step.name, step.after]));
      const open = [...ready];
      const done = new Set<string>();
      while (open.length > 0) {
        const [step] = open.splice((picks.next().value as number) % open.length, 1);
        if (step === undefined) break;
        for (const before of after.get(step) ?? []) expect(done.has(before)).toBe(true);
        advance(state, { kind: "started", step });
        const good = fates.next().value as boolean;
        const next = advance(state, { kind: good ? "succeeded" : "failed", step });
        if (good) done.add(step);
        open.push(...next.ready);
        // A message that comes twice changes nothing.
        expect(advance(state, { kind: "succeeded", step })).toEqual({ ready: [], excluded: [] });
      }
      expect(state.open).toBe(0);
      for (const stage of state.stages.values()) expect(isOver(stage)).toBe(true);
    }),
  );
});

test("without failures the same steps succeed whatever the order of ends", () => {
  fc.assert(
    fc.property(stages, fc.infiniteStream(fc.nat()), (steps, picks) => {
      const { state, ready } = beginRun(steps);
      const open = [...ready];
      while (open.length > 0) {
        const [step] = open.splice((picks.next().value as number) % open.length, 1);
        if (step !== undefined) open.push(...advance(state, { kind: "succeeded", step }).ready);
      }
      expect([...state.stages.values()].every((stage) => stage.kind === "succeeded")).toBe(true);
    }),
  );
});

test("the backlog gives the most urgent step that fits, and no step is overtaken for ever", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ path: fc.nat(100), memoryBytes: fc.nat(10) }), { minLength: 1, maxLength: 40 }),
      (demands) => {
        const backlog = createBacklog();
        demands.forEach((demand, at) => backlog.add({ name: `s${at}`, priority: 0, gpus: 0, ...demand }));
        const taken: number[] = [];
        for (
          let next = backlog.take({ memoryBytes: 10, gpus: 0 });
          next !== undefined;
          next = backlog.take({ memoryBytes: 10, gpus: 0 })
        )
          taken.push(next.path);
        expect(taken).toEqual(demands.map((demand) => demand.path).sort((a, b) => b - a));
      },
    ),
  );
  const backlog = createBacklog();
  backlog.add({ name: "large", priority: 0, path: 100, memoryBytes: 10, gpus: 0 });
  let overtaken = 0;
  for (let at = 0; at < 100; at++) {
    backlog.add({ name: `small${at}`, priority: 0, path: 1, memoryBytes: 1, gpus: 0 });
    if (backlog.take({ memoryBytes: 5, gpus: 0 }) !== undefined) overtaken++;
  }
  expect(overtaken).toBe(16);
  expect(backlog.take({ memoryBytes: 10, gpus: 0 })?.name).toBe("large");
});

test("a critical path is at least as long as that of everything below it", () => {
  fc.assert(
    fc.property(stages, (steps) => {
      const paths = criticalPaths(steps, () => 7);
      for (const step of steps)
        for (const before of step.after)
          expect(paths.get(before) ?? 0).toBeGreaterThanOrEqual((paths.get(step.name) ?? 0) + 7);
    }),
  );
});
