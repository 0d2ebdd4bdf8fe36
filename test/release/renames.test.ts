import { expect, test } from "vitest";

import { rollbackTarget } from "../../src/release/decide.ts";
import { foldEvents, NOTHING, standingOf } from "../../src/release/environment-state.ts";
import { renamesOf } from "../../src/release/renames.ts";
import { event } from "../cli/released.ts";
import { runId } from "../manifest/run-records.ts";

const [a, b, c] = [runId("a"), runId("b"), runId("c")];
const of = (pipeline: string) => ({ environment: "staging", pipeline });
const renames = renamesOf([{ id: "total", was: ["amount", "sum"] }]);

test("a pipeline that is called otherwise keeps its hold, its live release and those before it", () => {
  const events = [
    event("released", "1", { ...of("sum"), run: a }),
    event("released", "2", { ...of("sum"), run: b }),
    event("deployed", "3", { ...of("sum"), run: b, deployment: { number: 4, end: "succeeded" } }),
    event("held", "4", { ...of("sum"), run: null, reason: "bad model" }),
    event("requested", "5", { ...of("total"), run: c }),
  ];
  const state = foldEvents(events, renames).get("staging");
  expect([...(state?.pipelines.keys() ?? [])]).toEqual(["total"]);
  const standing = standingOf(state, "total");
  expect(standing.hold?.reason).toBe("bad model");
  expect([standing.live?.run, standing.deployed, standing.deployments]).toEqual([b, "succeeded", 4]);
  expect(rollbackTarget(standing, null)?.run).toBe(a);
  expect(standing.request?.run).toBe(c);
  expect(standingOf(state, "sum")).toBe(standing);

  const lifted = foldEvents([...events, event("unheld", "6", { ...of("total") })], renames);
  expect(standingOf(lifted.get("staging"), "total").hold).toBeNull();
});

test("what was asked for under an earlier name ends with it, and ends nothing that is asked for now", () => {
  const before = [
    event("requested", "1", { ...of("sum"), run: a, pullRequest: 5 }),
    event("approved", "comment:2", { ...of("sum"), run: a }),
  ];
  const old = standingOf(foldEvents(before, renames).get("staging"), "total");
  expect([old.request, old.said]).toEqual([null, ["comment:2"]]);
  const now = foldEvents(
    [
      ...before,
      event("requested", "3", { ...of("total"), run: a }),
      event("revoked", "4", { ...of("sum"), run: a, revokes: "request" }),
    ],
    renames,
  );
  expect(standingOf(now.get("staging"), "total").request).toMatchObject({ cause: "3", approvals: [] });
});

test("an id that a pipeline bears is its own, whatever another one says that it was", () => {
  const both = renamesOf([
    { id: "sum", was: [] },
    { id: "total", was: ["sum"] },
  ]);
  const state = foldEvents([event("held", "1", { ...of("sum") })], both).get("staging");
  expect(standingOf(state, "sum").hold).not.toBeNull();
  expect(standingOf(state, "total")).toBe(NOTHING);
});
