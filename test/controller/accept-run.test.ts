import { expect, test } from "vitest";

import { acceptRun } from "../../src/controller/accept-run.ts";
import { ACCEPTED, orderRef, ORDERS } from "../../src/run/request.ts";
import { ordered, remotePlace } from "./acceptances.ts";

test("what the forge refuses to accept is not accepted, and nothing stays that says so", async () => {
  const place = await remotePlace();
  const us = await place.controller("ours");
  place.remote.git("config", "receive.hideRefs", ACCEPTED.slice(0, -1));
  const order = ordered();
  expect(await acceptRun(us, order)).toMatchObject({ kind: "refused" });
  expect(await us.mirror.kept(ORDERS)).toEqual(new Map());

  place.remote.git("config", "--unset", "receive.hideRefs");
  expect(await acceptRun(us, order)).toEqual({ kind: "accepted", mine: true });
  expect([...(await us.mirror.kept(ORDERS)).keys()]).toEqual([orderRef(order.id)]);
});
