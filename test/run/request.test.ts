import fc from "fast-check";
import { expect, test } from "vitest";

import { digestOf, runIdOf } from "../../src/identity/identity.ts";
import {
  acceptedRef,
  deployRequest,
  orderOf,
  orderRef,
  parseOrder,
  renderOrder,
  type Asked,
  type RunOrder,
} from "../../src/run/request.ts";
import { runId, sha } from "../manifest/run-records.ts";

const ASKED: Asked = {
  repository: "1",
  source: sha("a"),
  request: "push:main",
  plan: digestOf("plan"),
  domain: "main",
  branch: "main",
  pullRequest: null,
  requestedBy: null,
  acceptedAt: "2026-01-01T00:00:00Z",
  pins: {},
};
const PIN = { run: runId("b"), entry: "file", digest: digestOf("x"), size: 7 } as const;
const SUM = { id: "sum", concurrency: null };
const GPU = { id: "sum", concurrency: { group: "gpu", keep: "all" } } as const;

const read = (value: unknown): RunOrder | undefined => parseOrder(new TextEncoder().encode(JSON.stringify(value)));
/** An order with members in the place of its own. */
const altered = (members: object, asked: Partial<Asked> = {}): RunOrder | undefined =>
  read({ ...orderOf(SUM, { ...ASKED, ...asked }), ...members });

test("what is not decided follows from what asked for a run", () => {
  expect(orderOf(SUM, ASKED)).toEqual({
    ...ASKED,
    order: 1,
    id: runIdOf("1", "sum", sha("a"), "push:main"),
    pipeline: "sum",
    trigger: "push",
    lane: "sum@main",
    group: "sum@main",
    keep: "latest",
    ends: null,
    forced: [],
    overrides: {},
    deploys: null,
  });
});

test("what is decided is kept", () => {
  const decided = { ends: "skipped", forced: ["a"], overrides: { rate: 2 }, keep: "all" } as const;
  expect(orderOf(SUM, { ...ASKED, ...decided })).toMatchObject(decided);
});

test("runs of a pull request are of its own lane until it is merged, and a group is everybody's but strangers'", () => {
  const lane = (asked: Partial<Asked>, of: Parameters<typeof orderOf>[0] = SUM): unknown => {
    const order = orderOf(of, { ...ASKED, ...asked });
    return [order.lane, order.group, order.keep];
  };
  expect(lane({ domain: "pr", branch: "more", pullRequest: 7 })).toEqual(["sum#7", "sum#7", "latest"]);
  expect(lane({ domain: "main", branch: "main", pullRequest: 7 })).toEqual(["sum@main", "sum@main", "latest"]);
  expect(lane({ branch: null })).toEqual(["sum@", "sum@", "latest"]);
  expect(lane({}, GPU)).toEqual(["sum@main", "group:gpu", "all"]);
  expect(lane({ domain: "fork/9", branch: null, pullRequest: 9 }, GPU)).toEqual(["sum#9", "sum#9", "latest"]);
});

test("deployments of one environment are of one lane and none of them is dropped, whatever group their pipeline has", () => {
  const deploys = { environment: "prod", number: 3, pipeline: "digits", run: runId("a") };
  const order = orderOf(
    { id: "ship", concurrency: { group: "gpu", keep: "latest" } },
    { ...ASKED, request: deployRequest(deploys), deploys },
  );
  expect(order).toMatchObject({
    request: "deploy:prod:3",
    trigger: "deploy",
    lane: "deploy:prod",
    group: "deploy:prod",
    keep: "all",
    deploys,
  });
});

test("an order is written as text that ends in a line, and stands at refs of its own", () => {
  const bytes = renderOrder(orderOf(SUM, ASKED));
  expect(new TextDecoder().decode(bytes)).toMatch(/^\{\n {2}"order": 1,\n[^]*\n\}\n$/);
  expect([acceptedRef(runId("c")), orderRef(runId("c"))]).toEqual([
    `refs/sluice/runs/${runId("c")}`,
    `refs/sluice/orders/${runId("c")}`,
  ]);
});

test("every member that can be set comes back", () => {
  const order = orderOf(GPU, {
    ...ASKED,
    domain: "fork/9",
    branch: null,
    pullRequest: 9,
    requestedBy: "max",
    ends: "skipped",
    forced: ["a", "b"],
    overrides: { rate: [1, { x: null }] },
    keep: "all",
    pins: { raw: PIN, "release:m": { ...PIN, entry: "directory" }, tool: { ...PIN, entry: "executable" } },
    deploys: { environment: "prod", number: 1, pipeline: "digits", run: runId("d") },
  });
  expect(parseOrder(renderOrder(order))).toEqual(order);
});

test.each<[string, unknown]>([
  ["null", null],
  ["a number", 1],
  ["a list", []],
  ["an empty map", {}],
])("%s is no order", (_, value) => {
  expect(read(value)).toBeUndefined();
});

test.each([
  { order: 2 },
  { order: "1" },
  { id: "short" },
  { id: 1 },
  { source: "main" },
  { source: null },
  { plan: "sha256:1" },
  { plan: undefined },
  { trigger: "magic" },
  { trigger: null },
])("with %j it is no order", (members) => {
  expect(altered({})).toEqual(orderOf(SUM, ASKED));
  expect(altered(members)).toBeUndefined();
});

test("bytes that are no text of ours are no order, whatever they are", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => new TextEncoder().encode(text)),
      ),
      (bytes) => {
        expect(parseOrder(bytes)).toBeUndefined();
      },
    ),
  );
  expect(parseOrder(renderOrder(orderOf(SUM, ASKED)).slice(0, -3))).toBeUndefined();
});

test.each<[object, object]>([
  [{ branch: 7 }, { branch: null }],
  [{ pullRequest: "7" }, { pullRequest: null }],
  [{ requestedBy: 7 }, { requestedBy: null }],
  [{ repository: 7 }, { repository: "" }],
  [{ acceptedAt: null }, { acceptedAt: "" }],
  [{ keep: "some" }, { keep: "latest" }],
  [{ keep: "all" }, { keep: "all" }],
  [{ ends: "failed" }, { ends: null }],
  [{ forced: "a" }, { forced: [] }],
  [{ forced: ["a", 1, null, "b"] }, { forced: ["a", "b"] }],
  [{ overrides: [1] }, { overrides: {} }],
  [{ overrides: null }, { overrides: {} }],
  [{ overrides: "x" }, { overrides: {} }],
  [{ pins: [PIN] }, { pins: {} }],
  [
    { pins: { a: PIN, b: { ...PIN, run: "x" }, c: { ...PIN, digest: 1 }, d: { ...PIN, size: "1" }, e: null } },
    { pins: { a: PIN } },
  ],
  [{ pins: { a: { ...PIN, run: 1 }, b: { ...PIN, digest: "sha256:" } } }, { pins: {} }],
  [{ pins: { a: { ...PIN, entry: "link" } } }, { pins: { a: PIN } }],
  [{ deploys: { environment: "prod", number: 1, pipeline: "p" } }, { deploys: null }],
  [{ deploys: { environment: "prod", number: "1", pipeline: "p", run: runId("a") } }, { deploys: null }],
  [{ deploys: { environment: 1, number: 1, pipeline: "p", run: runId("a") } }, { deploys: null }],
  [{ deploys: { environment: "prod", number: 1, pipeline: 2, run: runId("a") } }, { deploys: null }],
])("%j is read as %j", (members, expected) => {
  expect(altered(members)).toMatchObject(expected);
});

test.each([
  ["main", "main"],
  ["local", "local"],
  ["pr", "pr"],
  ["fork/12", "fork/12"],
  ["fork/012", "fork/12"],
  ["fork/x", "pr"],
  ["xfork/1", "pr"],
  ["fork/1/2", "pr"],
  ["MAIN", "pr"],
  [7, "pr"],
])("the domain %j is trusted as %s", (written, domain) => {
  expect(altered({ domain: written })?.domain).toBe(domain);
});

test("an order of before lanes is of the lane that it would have now", () => {
  const old = { lane: undefined, group: undefined };
  expect(altered(old)).toMatchObject({ lane: "sum@main", group: "sum@main" });
  expect(altered(old, { domain: "pr", branch: "more", pullRequest: 7 })).toMatchObject({
    lane: "sum#7",
    group: "sum#7",
  });
  expect(altered(old, { domain: "main", branch: "main", pullRequest: 7 })).toMatchObject({ lane: "sum@main" });
  expect(altered({ ...old, lane: "other" })).toMatchObject({ lane: "other", group: "other" });
});
