import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import { orderOf, type Asked, type RunOrder } from "../../src/run/request.ts";
import { acceptedAfter, groupOf, laneOf, turnOf } from "../../src/run/turn.ts";
import { sha } from "../manifest/run-records.ts";

type Concurrency = Parameters<typeof groupOf>[0];

function accepted(
  second: number,
  request: string,
  more: Partial<Asked> & { readonly of?: string; readonly concurrency?: Concurrency } = {},
): RunOrder {
  const { of = "sum", concurrency = null, ...asked } = more;
  return orderOf(
    { id: of, concurrency },
    {
      repository: "1",
      source: sha(`${second}`),
      request,
      plan: digestOf("plan"),
      domain: "main",
      branch: "main",
      pullRequest: null,
      requestedBy: null,
      acceptedAt: `2026-01-01T00:00:0${second}Z`,
      pins: {},
      ...asked,
    },
  );
}
/** What each of these may do, in their order. */
const turns = (...open: readonly RunOrder[]): readonly string[] =>
  open.map((one) => {
    const turn = turnOf(one, open);
    const number = (id: string): number => open.findIndex((other) => other.id === id);
    return turn.kind === "now"
      ? "now"
      : turn.kind === "wait"
        ? `behind ${number(turn.behind)}`
        : `by ${number(turn.by)}`;
  });
const pull = (second: number, more: Partial<Asked> = {}): RunOrder =>
  accepted(second, `comment:${second}`, { domain: "pr", branch: "more", pullRequest: 7, ...more });

test("of pushes to a branch the oldest is active, the newest waits, those between are superseded by it", () => {
  expect(turns(accepted(1, "push:main"))).toEqual(["now"]);
  expect(turns(accepted(1, "push:main"), accepted(2, "push:main"))).toEqual(["now", "behind 0"]);
  expect(
    turns(accepted(1, "push:main"), accepted(2, "push:main"), accepted(3, "push:main"), accepted(4, "push:main")),
  ).toEqual(["now", "by 3", "by 3", "behind 0"]);
});

test("what a person asks for waits, and neither supersedes nor is superseded", () => {
  expect(
    turns(accepted(1, "push:main"), accepted(2, "comment:1"), accepted(3, "comment:2"), accepted(4, "push:main")),
  ).toEqual(["now", "behind 0", "behind 0", "behind 0"]);
});

test("slots of one schedule, and upstream runs, supersede each other and nothing else", () => {
  const slot = (second: number, cron: string): RunOrder =>
    accepted(second, `schedule:${cron}:2026-01-0${second}T00:00:00Z`);
  expect(turns(accepted(1, "push:main"), slot(2, "0 0 * * *"), slot(3, "0 0 * * *"), slot(4, "1 0 * * *"))).toEqual([
    "now",
    "by 2",
    "behind 0",
    "behind 0",
  ]);
  expect(turns(accepted(1, "push:main"), accepted(2, "upstream:a"), accepted(3, "upstream:b"))).toEqual([
    "now",
    "by 2",
    "behind 0",
  ]);
});

test("a newer head of a pull request supersedes also the active one, another command at the same head waits", () => {
  expect(turns(pull(1), pull(2), pull(3))).toEqual(["by 2", "by 2", "now"]);
  const same = sha("a");
  expect(turns(pull(1, { source: same }), pull(2, { source: same }))).toEqual(["now", "behind 0"]);
  expect(turns(pull(1, { source: same }), pull(2, { source: same }), pull(3, { source: same }))).toEqual([
    "now",
    "by 2",
    "behind 0",
  ]);
  expect(turns(pull(1, { keep: "all" }), pull(2))).toEqual(["by 1", "now"]);
});

test("runs of a merged pull request are the branch's", () => {
  const merged = { domain: "main", branch: "main", pullRequest: 7 } as const;
  expect(turns(accepted(1, "push:main", merged), accepted(2, "push:main", merged))).toEqual(["now", "behind 0"]);
});

test("runs of one group go one after another, whatever they are about, and `keep: all` drops none", () => {
  const gpu = (keep: "latest" | "all"): { readonly concurrency: Concurrency } => ({
    concurrency: { group: "gpu", keep },
  });
  const [a, b] = [accepted(1, "push:main", gpu("all")), accepted(2, "push:main", { ...gpu("all"), of: "other" })];
  const c = accepted(3, "push:main", gpu("all"));
  const d = accepted(4, "push:main", gpu("all"));
  expect(turns(a, b, c, d)).toEqual(["now", "behind 0", "behind 0", "behind 0"]);
  expect(
    turns(
      accepted(1, "push:main", { ...gpu("latest"), of: "other" }),
      accepted(2, "push:main", gpu("latest")),
      accepted(3, "push:main", gpu("latest")),
    ),
  ).toEqual(["now", "by 2", "behind 0"]);
  expect(turns(accepted(1, "push:main", { of: "one" }), accepted(2, "push:main", { of: "two" }))).toEqual([
    "now",
    "now",
  ]);
});

test("of two that were accepted at once the one with the smaller id goes first", () => {
  const both = [
    accepted(1, "push:main", { source: sha("a") }),
    accepted(1, "push:main", { source: sha("b") }),
  ].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  expect(turns(...both)).toEqual(["now", "behind 0"]);
  expect(turns(...both.toReversed())).toEqual(["behind 1", "now"]);
});

test("lanes are called by pipeline and branch or pull request, groups by what a pipeline says", () => {
  expect(laneOf("p", { branch: "main", pullRequest: null })).toBe("p@main");
  expect(laneOf("p", { branch: null, pullRequest: null })).toBe("p@");
  expect(laneOf("p", { branch: "main", pullRequest: 7 })).toBe("p#7");
  expect(groupOf(null, "lane")).toEqual({ group: "lane", keep: "latest" });
  expect(groupOf({ group: "gpu", keep: "all" }, "lane")).toEqual({ group: "group:gpu", keep: "all" });
});

test("a run that is accepted in the second of another one is the newer of both, whatever their ids", () => {
  const now = Date.parse("2026-01-01T00:00:05Z");
  const open: RunOrder[] = [];
  for (const source of ["1", "2", "3"])
    open.push(accepted(0, `push:main`, { source: sha(source), acceptedAt: acceptedAfter(now, open) }));
  expect(open.map(({ acceptedAt }) => acceptedAt)).toEqual([
    "2026-01-01T00:00:05.000Z",
    "2026-01-01T00:00:05.001Z",
    "2026-01-01T00:00:05.002Z",
  ]);
  for (const order of [open, open.toReversed()])
    expect(order.map((one) => turnOf(one, order).kind).toSorted()).toEqual(["now", "superseded", "wait"]);
  expect(open.map((one) => turnOf(one, open).kind)).toEqual(["now", "superseded", "wait"]);
  // A forge whose clock goes back, and an acceptance that tells no time.
  expect(acceptedAfter(now - 60_000, open)).toBe("2026-01-01T00:00:05.003Z");
  expect(acceptedAfter(now, [{ acceptedAt: "" }])).toBe("2026-01-01T00:00:05.000Z");
});
