import fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";

import { digestOf, type Digest } from "../../src/identity/identity.ts";
import { concreteDocument } from "../../src/key/concrete.ts";
import { keyOf, type StepResult } from "../../src/key/key-document.ts";
import { forecast } from "../../src/plan/forecast.ts";
import type { Facts, PastStep, WorkOrder } from "../../src/plan/plan.ts";
import { ordered, resolved } from "../builders/pipeline.ts";
import { resultOf } from "../builders/result.ts";

/** Row i says which earlier steps step i reads. */
const graphs = fc
  .integer({ min: 1, max: 8 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, at) => fc.subarray([...Array(at).keys()]))));

type Graph = readonly (readonly number[])[];

function order(graph: Graph, bytes: string, touched = -1): WorkOrder {
  const steps = Object.fromEntries(
    graph.map((from, at) => [
      `s${at}`,
      {
        run: `make ${at}`,
        inputs: [at === touched ? "changing.txt" : "in.txt", ...from.map((before) => `out/${before}`)],
        outputs: [`out/${at}`],
      },
    ]),
  );
  return ordered(stringify({ version: 1, steps }), { "in.txt": "same", "changing.txt": bytes });
}

/** Runs an order without running anything: what a step writes is a function of its key, or constant. */
function ran(work: WorkOrder, results: Map<Digest, StepResult>, constant = false): readonly PastStep[] {
  const byStep = new Map<string, StepResult>();
  return work.steps.map(({ name, id, document: symbolic, inputs }) => {
    const document = concreteDocument(symbolic, inputs, { result: (step) => byStep.get(step), part: () => undefined });
    if (document === undefined) throw new Error(`${name} stands before what it reads`);
    const key = keyOf(document);
    const outputs = document.outputs.map(({ path }) => ({
      path,
      kind: "file" as const,
      digest: digestOf(constant ? path : `${path} by ${key}`),
    }));
    const result = results.get(key) ?? resultOf(key, outputs);
    results.set(key, result);
    byStep.set(name, result);
    return { name, id, key, document, result: null };
  });
}

function facts(results: ReadonlyMap<Digest, StepResult>, previous: readonly PastStep[], times: number[] = []): Facts {
  return {
    result: (key) => results.get(key),
    evicted: () => false,
    previous: () => previous,
    part: () => undefined,
    durations: () => times,
  };
}

const plain = { forced: new Set<string>(), withEffects: false };

function verdicts(work: WorkOrder, known: Facts): ReadonlyMap<string, string> {
  return new Map(forecast(work, known, plain).steps.map(({ step, verdict }) => [step, verdict.kind]));
}

test("exactly the descendants of a changed input lose their verdict, and the root is named", () => {
  fc.assert(
    fc.property(graphs, fc.nat(7), (graph, nth) => {
      const touched = nth % graph.length;
      const results = new Map<Digest, StepResult>();
      const past = ran(order(graph, "old", touched), results);
      expect(new Set(verdicts(order(graph, "old", touched), facts(results, past)).values())).toEqual(
        new Set(["cached"]),
      );

      const after = order(graph, "new", touched);
      const descendants = new Set([`s${touched}`]);
      for (const step of after.steps)
        if (step.after.some((before) => descendants.has(before))) descendants.add(step.name);
      for (const { step, verdict } of forecast(after, facts(results, past), plain).steps) {
        const own = {
          kind: "run",
          cause: { kind: "changed", changes: [{ kind: "input", path: "changing.txt", change: "changed" }] },
        };
        const below = { kind: "depends", root: [`s${touched}`], changes: [] };
        expect(verdict).toMatchObject(
          !descendants.has(step) ? { kind: "cached" } : step === `s${touched}` ? own : below,
        );
      }
    }),
  );
});

test("equal outputs cut off what follows: only the changed step ran", () => {
  fc.assert(
    fc.property(graphs, fc.nat(7), (graph, nth) => {
      const touched = nth % graph.length;
      const results = new Map<Digest, StepResult>();
      ran(order(graph, "old", touched), results, true);
      const before = results.size;
      ran(order(graph, "new", touched), results, true);
      expect(results.size).toBe(before + 1);
    }),
  );
});

test("the order is topological, and the same for the same input", () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const work = order(graph, "x");
      const seen = new Set<string>();
      for (const step of work.steps) {
        for (const before of step.after) expect(seen.has(before)).toBe(true);
        seen.add(step.name);
      }
      expect(seen.size).toBe(graph.length);
      expect(JSON.stringify(order(graph, "x"))).toBe(JSON.stringify(work));
    }),
  );
});

test("resolving never throws, and orders every step that is on no cycle", () => {
  const word = fc.constantFrom("a", "b", "a/b", "a/", "s0:a", "s1:b", "*", "a/*", "**", "in.txt", "nope", "dataset:d");
  const steps = fc.array(
    fc.record({ inputs: fc.array(word), outputs: fc.array(fc.constantFrom("a", "b/", "a/b", "c")) }),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(steps, (drawn) => {
      const text = stringify({
        version: 1,
        steps: Object.fromEntries(drawn.map((step, at) => [`s${at}`, { run: "x", ...step }])),
      });
      const resolution = resolved(text, { "a/file": "1", "in.txt": "2" });
      const cycle = resolution.problems.some((problem) => problem.code === "cycle");
      expect(cycle || resolution.steps.length === drawn.length).toBe(true);
      for (const { at } of resolution.problems) expect(at.line).toBeGreaterThan(1);
    }),
  );
});

test("time is the median and its absolute deviation, from three runs on", () => {
  const time = (times: number[]): unknown =>
    forecast(order([[]], "x"), facts(new Map(), [], times), plain).steps[0]?.time;

  expect(time([10, 20])).toBeNull();
  expect(time([10, 40, 20])).toEqual({ medianMs: 20, spreadMs: 10 });
  expect(time([10, 20, 30, 100])).toEqual({ medianMs: 25, spreadMs: 10 });
});

test("causes: first run, forced, unfinished, evicted; a renamed step keeps its past, a removed one is named", () => {
  const work = order([[]], "x");
  const past = ran(work, new Map());
  const cause = (known: Facts, forced: readonly string[] = []): unknown => {
    const verdict = forecast(work, known, { ...plain, forced: new Set(forced) }).steps[0]?.verdict;
    return verdict?.kind === "run" ? verdict.cause.kind : verdict?.kind;
  };

  expect(cause(facts(new Map(), []))).toBe("first-run");
  expect(cause(facts(new Map(), past))).toBe("unfinished");
  expect(
    cause(
      facts(
        new Map(),
        past.map((step) => ({ ...step, result: step.key })),
      ),
    ),
  ).toBe("evicted");
  expect(cause({ ...facts(new Map(), past), evicted: () => true })).toBe("evicted");
  expect(cause(facts(new Map(), past), ["s0"])).toBe("forced");
  expect(
    cause(
      facts(
        new Map(),
        past.map((step) => ({ ...step, id: "earlier" })),
      ),
    ),
  ).toBe("unfinished");
  expect(forecast(work, facts(new Map(), ran(order([[], []], "x"), new Map())), plain).removed).toEqual(["s1"]);
});

test("what comes after a step that is left out is left out too; below `cache: false` it depends", () => {
  const text = (key: string): WorkOrder =>
    ordered(
      stringify({
        version: 1,
        steps: {
          a: { run: "a", [key]: key === "effects", outputs: ["out/a"] },
          b: { run: "b", inputs: ["out/a"], outputs: ["out/b"] },
          c: { run: "c", inputs: ["out/b"] },
          d: { run: "d", needs: ["a"] },
        },
      }),
    );
  const kinds = (work: WorkOrder, withEffects: boolean): readonly string[] =>
    forecast(work, facts(new Map(), []), { ...plain, withEffects }).steps.map(({ verdict }) => verdict.kind);

  // In topological order: a, b, d, c.
  expect(kinds(text("effects"), false)).toEqual(["withheld", "withheld", "withheld", "withheld"]);
  expect(kinds(text("effects"), true)).toEqual(["run", "depends", "run", "depends"]);
  expect(kinds(text("cache"), false)).toEqual(["run", "depends", "run", "depends"]);
});
