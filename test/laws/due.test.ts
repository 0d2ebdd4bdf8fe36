import fc from "fast-check";
import { expect, test } from "vitest";

import { digestOf, runIdOf, type CommitSha } from "../../src/identity/identity.ts";
import { dueOnPush, listensTo, type PushFacts } from "../../src/run/due.ts";
import { headRequest } from "../../src/run/head-request.ts";
import { orderOf, parseOrder, renderOrder, type RunOrder } from "../../src/run/request.ts";
import { turnOf } from "../../src/run/turn.ts";

const A = "a".repeat(40) as CommitSha;
const ID = runIdOf("1", "sum", A, "push:main");
const OLD = runIdOf("1", "sum", "b".repeat(40) as CommitSha, "push:main");
const facts: PushFacts = {
  push: { branches: "default", paths: null },
  branch: "main",
  defaultBranch: "main",
  plan: digestOf("one"),
  id: ID,
  known: false,
  newest: undefined,
  changed: [],
};

test("first contact is due once, and nothing is due again for the same work order or the same commit", () => {
  expect(dueOnPush(facts)).toEqual({ kind: "due" });
  expect(dueOnPush({ ...facts, known: true })).toEqual({ kind: "unchanged", run: ID });
  expect(dueOnPush({ ...facts, newest: { id: OLD, plan: facts.plan } })).toEqual({ kind: "unchanged", run: OLD });
  expect(dueOnPush({ ...facts, newest: { id: OLD, plan: digestOf("two") } })).toEqual({ kind: "due" });
  expect(dueOnPush({ ...facts, push: false })).toEqual({ kind: "unconcerned" });
});

test("with paths a matching one must have changed since the newest run, and not knowing means it may have", () => {
  const push = { branches: "default", paths: ["src/**", "!src/**/*.md"] } as const;
  const moved = { ...facts, push, newest: { id: OLD, plan: digestOf("two") } };
  expect(dueOnPush({ ...moved, changed: ["docs/a.txt"] })).toEqual({ kind: "unchanged", run: OLD });
  expect(dueOnPush({ ...moved, changed: ["src/a/b.md"] })).toEqual({ kind: "unchanged", run: OLD });
  expect(dueOnPush({ ...moved, changed: ["docs/a.txt", "src/a/.b.py"] })).toEqual({ kind: "due" });
  expect(dueOnPush({ ...moved, changed: undefined })).toEqual({ kind: "due" });
  expect(dueOnPush({ ...moved, newest: undefined, changed: [] })).toEqual({ kind: "due" });
});

test("branches are globs; without any the default branch counts", () => {
  const listens = (branches: readonly string[] | "default", branch: string): boolean =>
    listensTo({ branches, paths: null }, { branch, defaultBranch: "main" });
  expect(listens("default", "main")).toBe(true);
  expect(listens("default", "release/1")).toBe(false);
  expect(listens(["main", "release/*"], "release/1")).toBe(true);
  expect(listens(["release/*"], "release/1/fix")).toBe(false);
  expect(listens(["release/*"], "main")).toBe(false);
  expect(listens(["**", "!sluice/**"], "sluice/ledger")).toBe(false);
});

test("a head is run by itself once, and anew where it is the head again after all that ran there was superseded", () => {
  const first = { id: ID, request: "pull-request:7" } as const;
  const anew = { id: OLD, request: `pull-request:7:${ID}` } as const;
  expect(headRequest(7, [])).toBe("pull-request:7");
  expect(headRequest(7, [{ ...anew, request: "comment:1", status: "failed" }])).toBe("pull-request:7");
  for (const status of ["succeeded", "failed", "cancelled"] as const)
    expect(headRequest(7, [{ ...first, status }])).toBe(null);
  expect(headRequest(7, [{ ...first, status: "superseded" }])).toBe(anew.request);
  expect(
    headRequest(7, [
      { ...anew, status: "superseded" },
      { ...first, status: "superseded" },
    ]),
  ).toBe(`pull-request:7:${OLD}`);
  expect(
    headRequest(7, [
      { ...anew, status: "succeeded" },
      { ...first, status: "superseded" },
    ]),
  ).toBe(null);
  expect(
    headRequest(7, [
      { ...first, status: "superseded" },
      { ...anew, request: "comment:1", status: "failed" },
    ]),
  ).toBe(null);
});

const commits = fc.constantFrom(A, "b".repeat(40) as CommitSha, "c".repeat(40) as CommitSha);
const requests = fc.oneof(
  fc.constant("push:main"),
  fc.integer({ min: 1, max: 9 }).map((n) => `comment:${n}`),
  fc.integer({ min: 1, max: 9 }).map((n) => `schedule:0 4 * * 1:2026-01-0${n}T04:00:00Z`),
);
const order: fc.Arbitrary<RunOrder> = fc
  .record({
    source: commits,
    request: requests,
    pull: fc.option(fc.constantFrom(7, 8)),
    pipeline: fc.constantFrom("sum", "other"),
    group: fc.constantFrom(null, { group: "gpu", keep: "latest" as const }, { group: "gpu", keep: "all" as const }),
    second: fc.integer({ min: 0, max: 5 }),
  })
  .map(({ source, request, pull, pipeline, group, second }) =>
    orderOf(
      { id: pipeline, concurrency: group },
      {
        repository: "1",
        source,
        request,
        plan: digestOf(source),
        domain: pull === null ? "main" : "pr",
        branch: pull === null ? "main" : "more",
        pullRequest: pull,
        requestedBy: null,
        acceptedAt: `2026-01-01T00:00:0${second}Z`,
        pins: {},
      },
    ),
  );
const orders = fc.uniqueArray(order, { maxLength: 8, selector: ({ id }) => id });

const ASKED = {
  repository: "1",
  request: "comment:99",
  plan: digestOf("the plan"),
  domain: "fork/9",
  branch: null,
  pullRequest: 9,
  requestedBy: "max",
  pins: {},
} as const;

test("whatever group the pipeline of a fork names, nobody else's run waits for it", () => {
  fc.assert(
    fc.property(orders, order, (open, { source, acceptedAt }) => {
      const strangers = orderOf(
        { id: "sum", concurrency: { group: "gpu", keep: "all" } },
        { ...ASKED, source, acceptedAt },
      );
      const all = [...open, strangers];
      for (const one of open) expect(turnOf(one, all)).toEqual(turnOf(one, open));
      expect(turnOf(strangers, all)).toEqual({ kind: "now" });
    }),
  );
});

test("of every group exactly one may begin, whoever looks and in whichever order", () => {
  fc.assert(
    fc.property(orders, (open) => {
      for (const [, group] of Map.groupBy(open, (one) => one.group)) {
        const turns = group.map((one) => turnOf(one, open.toReversed()));
        expect(turns).toEqual(group.map((one) => turnOf(one, open)));
        const kept = turns.filter(({ kind }) => kind !== "superseded");
        expect(kept.filter(({ kind }) => kind === "now")).toHaveLength(Math.min(1, kept.length));
      }
    }),
  );
});

test("ended one after another everything ends, each run once, and what supersedes is newer and never in vain", () => {
  fc.assert(
    fc.property(orders, (all) => {
      let open = [...all];
      while (open.length > 0) {
        const ending = open.find((one) => turnOf(one, open).kind !== "wait");
        if (ending === undefined) throw new Error("everything waits");
        const turn = turnOf(ending, open);
        if (turn.kind === "superseded") {
          const by = open.find(({ id }) => id === turn.by);
          expect(by?.lane).toBe(ending.lane);
          expect((by?.acceptedAt ?? "") >= ending.acceptedAt).toBe(true);
        }
        open = open.filter((one) => one !== ending);
      }
    }),
  );
});

test("of one branch one run is active and one pending; what a person asked for there is kept", () => {
  fc.assert(
    fc.property(orders, (all) => {
      const lane = all.filter((one) => one.lane === "sum@main" && one.group === one.lane);
      const kept = lane.filter((one) => turnOf(one, lane).kind !== "superseded");
      expect(kept.filter(({ trigger }) => trigger === "push").length).toBeLessThanOrEqual(2);
      for (const one of lane.filter(({ trigger }) => trigger === "command")) expect(kept).toContain(one);
    }),
  );
});

test("a newer head of a pull request supersedes what runs for the one before", () => {
  const make = (source: CommitSha, second: number): RunOrder =>
    orderOf(
      { id: "sum", concurrency: null },
      {
        repository: "1",
        source,
        request: `comment:${second}`,
        plan: digestOf("plan"),
        domain: "pr",
        branch: "more",
        pullRequest: 7,
        requestedBy: "alice",
        acceptedAt: `2026-01-01T00:00:0${second}Z`,
        pins: {},
      },
    );
  const [first, second] = [make(A, 1), make("c".repeat(40) as CommitSha, 2)];
  expect(turnOf(first, [first, second])).toEqual({ kind: "superseded", by: second.id });
  expect(turnOf(second, [first, second])).toEqual({ kind: "now" });
});

test("an order reads back as it was written, and one from before groups existed is understood", () => {
  fc.assert(
    fc.property(order, (one) => {
      expect(parseOrder(renderOrder(one))).toEqual(one);
    }),
  );
  const added = ["group", "keep", "lane", "ends", "forced", "overrides", "pins"];
  fc.assert(
    fc.property(order, (one) => {
      const old = Object.fromEntries(Object.entries(one).filter(([name]) => !added.includes(name)));
      const read = parseOrder(new TextEncoder().encode(JSON.stringify(old)));
      expect(read).toEqual({ ...one, group: one.lane, keep: "latest" });
    }),
  );
});
