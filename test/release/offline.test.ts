import { expect, test } from "vitest";

import { foldEvents } from "../../src/release/environment-state.ts";
import { takenIn } from "../../src/release/offline.ts";
import type { DeployEnd, ReleaseEvent } from "../../src/release/release-event.ts";
import { runId } from "../manifest/run-records.ts";

function event(kind: ReleaseEvent["kind"], run: string, more: Partial<ReleaseEvent> = {}): ReleaseEvent {
  return {
    kind,
    environment: "prod",
    pipeline: "digits",
    run: runId(run),
    evidence: null,
    by: { id: null, login: "otto" },
    cause: `offline:${kind}:${run}`,
    at: "2026-01-01T00:00:00Z",
    reason: null,
    pullRequest: null,
    deployment: null,
    revokes: null,
    ...more,
  };
}

const deployed = (run: string, number: number, end: DeployEnd = "succeeded"): ReleaseEvent =>
  event("deployed", run, { deployment: { number, end }, cause: `offline:deployed:${number}` });
const LEDGER = [event("released", "a"), deployed("a", 1), event("released", "b"), deployed("b", 2)];
const never = (_environment: string): boolean => false;
const taken = (events: readonly ReleaseEvent[], ledger = LEDGER, deploying = never): readonly string[] | string => {
  const read = takenIn(events, foldEvents(ledger), deploying);
  return read.kind === "ok" ? read.value.map(({ cause }) => cause.replace("offline:", "")) : read.refusal;
};

test("a rollback is taken in with its deployments, as long as nothing was deployed here since", () => {
  const done = [event("rolled-back", "a"), deployed("a", 3, "failed"), deployed("a", 4)];
  expect(taken(done)).toEqual(["rolled-back:a", "deployed:3", "deployed:4"]);
  // Taken in before, by a look that could not take it away: each event counts once by its cause.
  expect(taken(done, [...LEDGER, ...done])).toEqual(["rolled-back:a"]);
  const since = [...LEDGER, event("released", "c"), deployed("c", 3)];
  expect(taken(done.slice(0, 2), since)).toEqual(["rolled-back:a"]);
  expect(taken(done, LEDGER, (environment) => environment === "prod")).toEqual(["rolled-back:a"]);
  expect(taken(done, LEDGER, (environment) => environment === "staging")).toHaveLength(3);
});

test("what a deployment of another pipeline took the number of is deployed once more", () => {
  const other = event("deployed", "d", { pipeline: "words", deployment: { number: 3, end: "succeeded" } });
  expect(taken([event("rolled-back", "a"), deployed("a", 3)], [...LEDGER, other])).toEqual(["rolled-back:a"]);
});

test("nothing but a rollback to what was live is taken in", () => {
  expect(taken([event("rolled-back", "c")])).toMatch(/was never live in `prod`/);
  expect(taken([event("rolled-back", "a"), event("released", "c")])).toMatch(/it holds `released`/);
  expect(taken([event("forced", "a")])).toMatch(/it holds `forced`/);
  expect(taken([event("rolled-back", "a", { pipeline: null })])).toMatch(/only rollbacks/);
  expect(taken([event("rolled-back", "a", { cause: "comment:12" })])).toMatch(/only the forge can vouch for/);
  expect(taken([event("rolled-back", "a", { by: { id: 7, login: "alice" } })])).toMatch(/only the forge can vouch for/);
});
