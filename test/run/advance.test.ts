import { expect, test } from "vitest";

import { advance, beginRun, isOver, type RunEvent, type RunState, type StageState } from "../../src/run/advance.ts";

/** a → b → d, a → c → d, and e alone. */
const STEPS = [
  { name: "a", after: [] },
  { name: "b", after: ["a"] },
  { name: "c", after: ["a"] },
  { name: "d", after: ["b", "c"] },
  { name: "e", after: [] },
];
const NOTHING = { ready: [], excluded: [] };

const kinds = (state: RunState): readonly string[] => [...state.stages.values()].map(({ kind }) => kind);
const told = (state: RunState, kind: RunEvent["kind"], step: string): unknown => advance(state, { kind, step });

test("what waits for nothing is ready, everything else blocked by as many as it waits for", () => {
  const { state, ready } = beginRun(STEPS);
  expect(ready).toEqual(["a", "e"]);
  expect(Object.fromEntries(state.stages)).toEqual({
    a: { kind: "ready" },
    b: { kind: "blocked", waiting: 1 },
    c: { kind: "blocked", waiting: 1 },
    d: { kind: "blocked", waiting: 2 },
    e: { kind: "ready" },
  });
  expect(state.open).toBe(5);
  expect(beginRun([])).toMatchObject({ ready: [], state: { open: 0 } });
});

test("a success makes ready what waited for it alone", () => {
  const { state } = beginRun(STEPS);
  expect(told(state, "started", "a")).toEqual(NOTHING);
  expect([kinds(state)[0], state.open]).toEqual(["running", 5]);
  expect(told(state, "succeeded", "a")).toEqual({ ready: ["b", "c"], excluded: [] });
  expect(told(state, "succeeded", "b")).toEqual(NOTHING);
  expect(told(state, "succeeded", "c")).toEqual({ ready: ["d"], excluded: [] });
  expect([kinds(state), state.open]).toEqual([["succeeded", "succeeded", "succeeded", "ready", "ready"], 2]);
});

test.each([
  ["failed", "failed", "not-started"],
  ["cancelled", "cancelled", "not-started"],
  ["stopped", "succeeded", "not-started"],
  ["withheld", "withheld", "withheld"],
] as const)("after a step that was %s nothing that follows starts", (event, own, below) => {
  const { state } = beginRun(STEPS);
  expect(told(state, event, "a")).toEqual({ ready: [], excluded: ["b", "c", "d"] });
  expect([kinds(state), state.open]).toEqual([[own, below, below, below, "ready"], 1]);
  const stage = state.stages.get("d");
  expect(stage).toEqual(below === "withheld" ? { kind: below } : { kind: below, because: "a" });
});

test("what was not started says because of which step, the first that stopped it", () => {
  const { state } = beginRun(STEPS);
  told(state, "succeeded", "a");
  told(state, "started", "c");
  expect(told(state, "failed", "b")).toEqual({ ready: [], excluded: ["d"] });
  expect(told(state, "failed", "c")).toEqual(NOTHING);
  expect([state.stages.get("d"), state.open]).toEqual([{ kind: "not-started", because: "b" }, 1]);
});

test("a step that runs already is not excluded by what it came after", () => {
  const { state } = beginRun(STEPS);
  told(state, "started", "b");
  expect(told(state, "failed", "a")).toEqual({ ready: [], excluded: ["c", "d"] });
  expect(kinds(state)).toEqual(["failed", "running", "not-started", "not-started", "ready"]);
  expect(told(state, "succeeded", "b")).toEqual(NOTHING);
});

test("an event of a step that has ended changes nothing", () => {
  const { state } = beginRun(STEPS);
  told(state, "succeeded", "a");
  for (const kind of ["started", "succeeded", "failed", "withheld"] as const)
    expect(told(state, kind, "a")).toEqual(NOTHING);
  expect([kinds(state)[0], state.open]).toEqual(["succeeded", 4]);
});

test("a step that nobody knows is a mistake of ours", () => {
  const { state } = beginRun(STEPS);
  expect(() => advance(state, { kind: "started", step: "z" })).toThrow("advancing a run: no step z");
  const other: RunState = { stages: new Map(), open: 0 };
  expect(() => advance(other, { kind: "started", step: "a" })).toThrow("advancing a run: no step a");
});

test.each<[StageState["kind"], boolean]>([
  ["blocked", false],
  ["ready", false],
  ["running", false],
  ["succeeded", true],
  ["failed", true],
  ["cancelled", true],
  ["withheld", true],
  ["not-started", true],
])("%s is over: %s", (kind, over) => {
  expect(isOver({ kind, waiting: 1, because: "x" })).toBe(over);
});
