import { expect, test } from "vitest";

import { acceptRun } from "../../src/controller/accept-run.ts";
import { ACCEPTED, acceptedRef, orderRef, ORDERS } from "../../src/run/request.ts";
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

test("a ref that leaves no place for acceptances is named, and nothing counts as accepted", async () => {
  const place = await remotePlace();
  const us = await place.controller("ours");
  const order = ordered();
  expect(await acceptRun(us, order)).toEqual({ kind: "accepted", mine: true });
  const commit = place.remote.git("rev-parse", acceptedRef(order.id)).trim();
  place.remote.git("update-ref", "-d", acceptedRef(order.id));
  place.remote.git("update-ref", ACCEPTED.slice(0, -1), commit);
  expect(await acceptRun(us, order)).toEqual({
    kind: "refused",
    why: `the ref refs/sluice/runs stands in the way of ${acceptedRef(order.id)}: take it away`,
  });
});

test("what was overtaken by nothing that is there now is not accepted", async () => {
  const place = await remotePlace();
  const us = await place.controller("ours");
  const overtaken = { kind: "overtaken", why: "reference already exists" } as const;
  const mirror = { ...us.mirror, publish: async () => overtaken };
  expect(await acceptRun({ ...us, mirror }, ordered())).toEqual({ kind: "refused", why: overtaken.why });
});
