import { expect, test } from "vitest";

import { acceptRun } from "../../src/controller/accept-run.ts";
import { openOrders } from "../../src/controller/open-orders.ts";
import { ACCEPTED, acceptedRef } from "../../src/run/request.ts";
import { tellForged } from "../../src/main/run/forged.ts";
import { runId, sha } from "../manifest/run-records.ts";
import { ordered, remotePlace, type Remote } from "./acceptances.ts";

const DEPLOYS = { environment: "prod", number: 1, pipeline: "digits", run: runId("a") };

/** What a controller believes to be accepted on the remote, and what it was told of as none of ours. */
async function opened({ mirror, signer }: Awaited<ReturnType<Remote["controller"]>>) {
  const refreshed = await mirror.refresh([`${ACCEPTED}*`]);
  if (refreshed.kind !== "ok") throw new Error(refreshed.why);
  const told: string[] = [];
  const orders = await openOrders({ mirror, signer, forged: (ref) => told.push(ref) }, refreshed.refs);
  return { ids: orders.map(({ id }) => id), told };
}

test("an acceptance that somebody else signed holds up no deployment: it is none, and is told of", async () => {
  const place = await remotePlace();
  const [us, them] = [await place.controller("ours"), await place.controller("theirs")];
  const [mine, forged] = [ordered(), ordered({ request: "deploy:prod:1", deploys: DEPLOYS })];
  expect(await acceptRun(us, mine)).toEqual({ kind: "accepted", mine: true });
  expect(await acceptRun(them, forged)).toEqual({ kind: "accepted", mine: true });
  expect(await opened(us)).toEqual({ ids: [mine.id], told: [acceptedRef(forged.id)] });
});

test("an order of ours under another run's name is none", async () => {
  const place = await remotePlace();
  const us = await place.controller("ours");
  const order = ordered();
  await acceptRun(us, order);
  const other = acceptedRef(ordered({ request: "push:side" }).id);
  place.remote.git("update-ref", other, acceptedRef(order.id));
  expect(await opened(us)).toEqual({ ids: [order.id], told: [other] });
});

test("what somebody put where a run is accepted gives way to the acceptance", async () => {
  const place = await remotePlace();
  const [us, also, them] = [
    await place.controller("ours"),
    await place.controller("ours"),
    await place.controller("theirs"),
  ];
  const order = ordered();
  expect(await acceptRun(them, order)).toEqual({ kind: "accepted", mine: true });
  expect(await acceptRun(us, order)).toEqual({ kind: "accepted", mine: true });
  expect(await acceptRun(also, { ...order, acceptedAt: "2026-01-01T00:00:09Z" })).toEqual({
    kind: "accepted",
    mine: false,
  });
  expect(await opened(us)).toEqual({ ids: [order.id], told: [] });
});

test("a forged acceptance is said once in the log, and again when it is another one", () => {
  const said: unknown[] = [];
  const tell = tellForged((error) => said.push(error));
  const repository = { id: 42, fullName: "acme/digits", installation: 1 };
  const ref = `${ACCEPTED}it's`;
  for (const text of ["a", "a", "b"]) tell(repository, ref, sha(text));
  expect(said).toHaveLength(2);
  expect(String(said[0])).toContain(String.raw`git push origin --delete 'refs/sluice/runs/it'\''s'`);
});
