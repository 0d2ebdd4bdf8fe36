import { expect, test } from "vitest";

import { acceptRun } from "../../src/controller/accept-run.ts";
import { openOrders } from "../../src/controller/open-orders.ts";
import type { PlanAt } from "../../src/controller/project.ts";
import { runAccepted, type RunAcceptedPorts } from "../../src/controller/run-accepted.ts";
import { acceptedRef } from "../../src/run/request.ts";
import { ordered, remotePlace, type Controller } from "./acceptances.ts";

const nothingIsThere = (async () => ({ planned: [] })) as unknown as PlanAt;

/** A controller in whose eyes no commit has a pipeline: what it takes up is refused, and recorded so. */
function taking({ mirror, signer, ledger, keys }: Controller): RunAcceptedPorts {
  return {
    mirror,
    signer,
    ledger,
    keys,
    openOrders: (refs) => openOrders({ mirror, signer, forged: () => undefined }, refs),
    planAt: nothingIsThere,
    clock: { now: () => 0 } as RunAcceptedPorts["clock"],
    execute: () => Promise.reject(new Error("there is nothing to execute")),
    deployed: async () => false,
    forkPool: async () => null,
    host: { platform: "linux-x64", cpus: 1, memoryBytes: 1, version: "test" },
  };
}

test("what somebody puts in the place of an acceptance starts nothing, and does not undo what it stood for", async () => {
  const place = await remotePlace();
  const [us, them] = [await place.controller("ours"), await place.controller("theirs")];
  const [mine, theirs] = [ordered(), ordered({ request: "push:side" })];
  await acceptRun(us, mine);
  await acceptRun(them, theirs);
  expect(await runAccepted(taking(us), theirs.id)).toEqual({ kind: "not-accepted" });

  const forged = place.remote.git("rev-parse", acceptedRef(theirs.id)).trim();
  place.remote.git("update-ref", acceptedRef(mine.id), forged);
  const ran = await runAccepted(taking(us), mine.id);
  expect(ran).toMatchObject({ kind: "ran", acceptance: forged, record: { id: mine.id, status: "refused" } });
});
