import { expect, test } from "vitest";

import { acceptRun } from "../../src/controller/accept-run.ts";
import { lostOrders, openOrders } from "../../src/controller/open-orders.ts";
import type { ReconcilePorts } from "../../src/controller/reconcile/looking.ts";
import { reconcile } from "../../src/controller/reconcile/reconcile.ts";
import { preAuthentication, PAYLOAD_TYPE, renderEnvelope } from "../../src/manifest/dsse.ts";
import { manifestPath, signaturePath } from "../../src/manifest/ledger-paths.ts";
import { renderRun } from "../../src/manifest/render-manifest.ts";
import { ACCEPTED, acceptedRef, ORDERS, type RunOrder } from "../../src/run/request.ts";
import { commitOf } from "../contract/git.ts";
import { digitsRun } from "../manifest/run-records.ts";
import { LEDGER, ordered, remotePlace, type Controller } from "./acceptances.ts";

/** Looks at a repository without branches; answers what was handed to the queue. */
async function looks(us: Controller): Promise<readonly string[]> {
  const handed: string[] = [];
  const looked = await reconcile({
    forge: { about: async () => ({ kind: "ok", value: { defaultBranch: "main" } }) },
    mirror: us.mirror,
    history: { sync: async () => undefined },
    openOrders: (refs: Parameters<typeof openOrders>[1]) => openOrders({ ...us, forged: () => undefined }, refs),
    lostOrders: (refs: Parameters<typeof lostOrders>[1]) => lostOrders(us, refs),
    accept: async (order: RunOrder) => (await acceptRun(us, order)).kind === "accepted",
    enqueue: async ({ id }: RunOrder) => void handed.push(id),
    mend: async () => undefined,
    ledger: LEDGER,
  } as unknown as ReconcilePorts);
  expect(looked).toEqual({ kind: "empty" });
  return handed;
}

const keptBy = async ({ mirror }: Controller): Promise<number> => (await mirror.kept(ORDERS)).size;

test("an acceptance that is deleted before anybody saw it comes back by who accepted it, and others take it up", async () => {
  const place = await remotePlace();
  const [us, others] = [await place.controller("ours"), await place.controller("ours")];
  const order = ordered();
  await acceptRun(us, order);
  place.remote.git("update-ref", "-d", acceptedRef(order.id));
  expect(await looks(others)).toEqual([]);
  expect(await looks(us)).toEqual([order.id]);
  expect(place.remote.git("for-each-ref", "--format=%(refname)", ACCEPTED).trim()).toBe(acceptedRef(order.id));
  expect(await looks(others)).toEqual([order.id]);
});

test("an order is kept no longer than until it is recorded, by whomever", async () => {
  const place = await remotePlace();
  const [us, others] = [await place.controller("ours"), await place.controller("ours")];
  const order = ordered();
  await acceptRun(us, order);
  const record = digitsRun({ id: order.id });
  const { manifest } = renderRun(record);
  const bytes = await others.signer.sign(preAuthentication(PAYLOAD_TYPE, manifest));
  const envelope = renderEnvelope(manifest, { keyId: others.signer.keyId, bytes });
  const files = new Map([
    [manifestPath(order.id), manifest],
    [signaturePath(order.id), envelope],
  ]);
  const appended = await others.mirror.append(LEDGER, null, [{ ...commitOf({}), files }]);
  if (appended.kind !== "appended") throw new Error("it was not appended");
  const acceptance = place.remote.git("rev-parse", acceptedRef(order.id)).trim();
  const from = (await us.mirror.kept(ORDERS)).values().next().value ?? null;
  expect(from).toBe(acceptance);
  await others.mirror.publish([
    { ref: LEDGER, from: null, to: appended.head },
    { ref: acceptedRef(order.id), from, to: null },
  ]);
  expect(await keptBy(us)).toBe(1);
  expect(await looks(us)).toEqual([]);
  expect(await keptBy(us)).toBe(0);
});
