import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import { dueOnPush, listensTo, refsListenedTo } from "../../src/run/due.ts";
import { isOfBranch, parentOf, upstreamRequests, type PastRun } from "../../src/run/due-upstream.ts";
import { runId } from "../manifest/run-records.ts";

test("without a push trigger no branch concerns a pipeline", () => {
  expect(listensTo(false, { branch: "main", defaultBranch: "main" })).toBe(false);
});

test.each<[readonly string[], string, boolean]>([
  [["!sluice/**"], "main", true],
  [["!sluice/**"], "sluice/ledger", false],
  [["release/*", "!release/old"], "release/old", false],
  [["release/*", "!release/old"], "release/new", true],
  [["*"], ".hidden", true],
  [["!.hidden"], ".hidden", false],
  [["a", "b"], "b", true],
  [["!*"], ".hidden", false],
])("branches %j: a push to %s concerns it: %s", (branches, branch, concerns) => {
  expect(listensTo({ branches, paths: null }, { branch, defaultBranch: "main" })).toBe(concerns);
});

test.each<[readonly string[] | "default", readonly string[]]>([
  ["default", []],
  [["main"], []],
  [
    ["main", "release/1.x", "größe_2"],
    ["refs/heads/release/1.x", "refs/heads/größe_2"],
  ],
  [
    ["release/*", "feature-[ab]/**", "**"],
    ["refs/heads/release/*", "refs/heads/feature-*", "refs/heads/*"],
  ],
  [["!old/**"], ["refs/heads/*"]],
  [["release/*", "!release/old"], ["refs/heads/release/*"]],
])("of branches %j all but the default one are looked for as %j", (branches, refs) => {
  expect(refsListenedTo({ branches, paths: null }, "main")).toEqual(refs);
  expect(refsListenedTo(false, "main")).toEqual([]);
});

const FACTS = {
  push: { branches: "default", paths: ["src/**"] },
  branch: "main",
  defaultBranch: "main",
  plan: digestOf("new"),
  id: runId("a"),
  known: false,
  newest: { id: runId("b"), plan: digestOf("old") },
  changed: ["src/a.py"],
} as const;

test("a known run stands for the tip, else the newest one of the same plan or of which no path changed", () => {
  expect(dueOnPush(FACTS)).toEqual({ kind: "due" });
  expect(dueOnPush({ ...FACTS, known: true })).toEqual({ kind: "unchanged", run: runId("a") });
  expect(dueOnPush({ ...FACTS, newest: { id: runId("b"), plan: digestOf("new") } })).toEqual({
    kind: "unchanged",
    run: runId("b"),
  });
  expect(dueOnPush({ ...FACTS, changed: ["docs/a.md"] })).toEqual({ kind: "unchanged", run: runId("b") });
  expect(dueOnPush({ ...FACTS, changed: [] })).toEqual({ kind: "unchanged", run: runId("b") });
  expect(dueOnPush({ ...FACTS, push: { branches: "default", paths: null }, changed: [] })).toEqual({ kind: "due" });
  expect(dueOnPush({ ...FACTS, branch: "other" })).toEqual({ kind: "unconcerned" });
});

const past = (trigger: PastRun["trigger"], request: string, pullRequest: number | null = null): PastRun => ({
  id: runId("c"),
  pipeline: "p",
  status: "succeeded",
  trigger,
  request,
  pullRequest,
});

test.each<[PastRun["trigger"], string, boolean, boolean]>([
  ["push", "push:main", true, true],
  ["push", "push:other", false, true],
  ["schedule", "schedule:x", true, true],
  ["upstream", "upstream:x", true, true],
  ["backfill", "backfill:x", true, true],
  ["pull-request", "pull-request:1", false, false],
  ["command", "comment:1", false, false],
  ["deploy", "deploy:prod:1", false, false],
  ["local", "local:1", false, false],
])("a run by %s (%s) is one of main: %s, of any branch: %s", (trigger, request, ofMain, ofAny) => {
  const run = past(trigger, request);
  expect([isOfBranch(run, "main", () => undefined), isOfBranch(run, null, () => undefined)]).toEqual([ofMain, ofAny]);
});

test("a retry is asked for by the run that it repeats; where that is unknown, a pull request's is not of the branch", () => {
  const retry = past("retry", `retry:${runId("d")}:1`);
  const asked: string[] = [];
  const find = (id: string): PastRun => {
    asked.push(id);
    return past("push", "push:main");
  };
  expect(isOfBranch({ ...retry, pullRequest: 3 }, "main", find)).toBe(true);
  expect(asked).toEqual([runId("d")]);
  expect(parentOf(retry.request)).toBe(runId("d"));
  expect(isOfBranch(retry, "main", () => undefined)).toBe(true);
  expect(isOfBranch({ ...retry, pullRequest: 3 }, "main", () => undefined)).toBe(false);
});

test("a pipeline that is upstream of a circle, and one that waits for nothing, start by what is newest", () => {
  const upstream = new Map([
    ["a", ["b"]],
    ["b", ["a", "c"]],
    ["e", ["a", "c", "unknown"]],
    ["self", ["self"]],
  ]);
  const newest = (name: string): PastRun | undefined => (name === "unknown" ? undefined : past("push", "push:main"));
  const started = (name: string): number => upstreamRequests(name, upstream, newest).length;
  expect([started("a"), started("b"), started("self"), started("none"), started("e")]).toEqual([0, 0, 0, 0, 2]);
});
