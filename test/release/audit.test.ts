import { expect, test } from "vitest";

import { auditEntries } from "../../src/release/audit.ts";
import type { EventKind, ReleaseEvent } from "../../src/release/release-event.ts";
import { event } from "../cli/released.ts";
import { runId } from "../manifest/run-records.ts";

const PEOPLE = ["alice", "bob", "carol", "dave", "max"];
const [FIRST, SECOND] = [runId("a"), runId("b")];

/** What happened, as `what by whom, approved by whom`. */
function told(history: readonly (readonly [EventKind, ReleaseEvent["run"], string])[]): readonly string[] {
  const events = history.map(([kind, run, login], at) =>
    event(kind, `cause:${at}`, {
      run,
      by: { id: PEOPLE.indexOf(login) + 1, login },
      deployment: kind === "deployed" ? { number: at, end: "succeeded" } : null,
    }),
  );
  return auditEntries(events, { from: null, to: null }).map(
    ({ event: { kind }, requestedBy, approvals }) =>
      `${kind}: ${[requestedBy, ...approvals.map(({ by }) => by)].map(({ login }) => login).join(", ")}`,
  );
}

test("each release names who asked for it and who agreed to it, and nobody of another release of the same run", () => {
  expect(
    told([
      ["requested", FIRST, "alice"],
      ["approved", FIRST, "bob"],
      ["released", FIRST, "alice"],
      ["requested", SECOND, "dave"],
      ["approved", SECOND, "carol"],
      ["released", SECOND, "dave"],
      ["deployed", SECOND, "sluice"],
      ["rolled-back", FIRST, "max"],
      ["deployed", FIRST, "sluice"],
      ["requested", SECOND, "alice"],
      ["approved", SECOND, "bob"],
      ["released", SECOND, "alice"],
      ["forced", FIRST, "max"],
    ]),
  ).toEqual([
    "released: alice, bob",
    "released: dave, carol",
    "deployed: dave",
    "rolled-back: max",
    "deployed: max",
    "released: alice, bob",
    "forced: max",
  ]);
});

test("who agreed before something else was asked for is not named for what was asked for again", () => {
  expect(
    told([
      ["requested", FIRST, "alice"],
      ["approved", FIRST, "bob"],
      ["requested", SECOND, "alice"],
      ["requested", FIRST, "dave"],
      ["approved", FIRST, "carol"],
      ["released", FIRST, "dave"],
    ]),
  ).toEqual(["released: dave, carol"]);
});
