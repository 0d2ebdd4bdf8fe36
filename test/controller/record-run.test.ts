import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { acceptRun } from "../../src/controller/accept-run.ts";
import { lostOrders } from "../../src/controller/open-orders.ts";
import { recordRun } from "../../src/controller/record-run.ts";
import { sqliteHistory } from "../../src/index/sqlite-history.ts";
import { PAYLOAD_TYPE, preAuthentication, renderEnvelope } from "../../src/manifest/dsse.ts";
import { manifestPath, signaturePath } from "../../src/manifest/ledger-paths.ts";
import { renderRun } from "../../src/manifest/render-manifest.ts";
import { ORDERS } from "../../src/run/request.ts";
import { commitOf } from "../contract/git.ts";
import { digitsRun, sha } from "../manifest/run-records.ts";
import { ordered, recording, remotePlace } from "./acceptances.ts";

test("a ledger that takes nothing gets its record later, and nobody reads here what it does not hold", async () => {
  const place = await remotePlace();
  const us = await place.controller("ours");
  const record = digitsRun();
  const ask = { record, before: undefined, known: () => false, tree: new Map<string, Uint8Array>() };
  const hook = join(place.remote.directory, "hooks", "pre-receive");
  writeFileSync(hook, "#!/bin/sh\nexit 1\n");
  chmodSync(hook, 0o755);
  const refused = await recordRun(recording(us), ask);
  expect(refused).toMatchObject({ kind: "later", why: expect.stringContaining("pre-receive hook declined") });
  expect(await us.mirror.resolve(us.ledger)).toBeUndefined();

  rmSync(hook);
  place.away = true;
  expect(await recordRun(recording(us), ask)).toEqual({ kind: "later", why: "it is away" });
  place.away = false;
  await us.mirror.refresh([us.ledger]);
  const recorded = await recordRun(recording(us), ask);
  expect(recorded.kind).toBe("recorded");
  const held = place.remote.git("ls-tree", "-r", "--name-only", us.ledger).split("\n");
  expect(held).toContain(manifestPath(record.id));
});

test("what none of our keys signed records nothing: it is accepted, taken up and recorded in its place", async () => {
  const place = await remotePlace();
  const [us, them] = [await place.controller("ours"), await place.controller("theirs")];
  const order = ordered();
  const record = digitsRun({ id: order.id });
  const ask = { record, before: undefined, known: () => false, tree: new Map<string, Uint8Array>() };
  await recordRun(recording(them), ask);
  await using history = sqliteHistory(join(place.remote.directory, "history.sqlite"), {
    keys: us.keys,
    head: () => us.mirror.resolve(us.ledger),
    log: (until) => us.mirror.log(us.ledger, until),
    files: (commit, paths) => us.mirror.files(commit, paths),
  });
  const counts = async (): Promise<readonly number[]> => {
    await us.mirror.refresh([us.ledger]);
    await history.sync();
    return [history.runs({}).length, history.runs({ all: true }).length, history.byPrefix(order.id).length];
  };
  expect(await counts()).toEqual([0, 1, 0]);
  const forged = place.remote.git("rev-parse", `${us.ledger}:${signaturePath(order.id)}`);

  expect(await acceptRun(us, order)).toEqual({ kind: "accepted", mine: true });
  expect((await us.mirror.kept(ORDERS)).size).toBe(1);
  expect(
    await lostOrders(us, new Map([[us.ledger, sha(place.remote.git("rev-parse", us.ledger).trim())]])),
  ).toHaveLength(1);
  expect(await recordRun(recording(us), ask)).toMatchObject({ kind: "recorded" });
  expect(place.remote.git("rev-parse", `${us.ledger}:${signaturePath(order.id)}`)).not.toBe(forged);
  expect(await counts()).toEqual([1, 1, 1]);
  expect(await acceptRun(us, order)).toEqual({ kind: "recorded" });
});

test("what a newer version recorded with our key is neither accepted again nor written over", async () => {
  const place = await remotePlace();
  const us = await place.controller("ours");
  const order = ordered();
  const record = digitsRun({ id: order.id });
  const known = new TextDecoder().decode(renderRun(record).manifest);
  const manifest = new TextEncoder().encode(known.replace(/"manifest": ?1\b/, '"manifest": 99'));
  const bytes = await us.signer.sign(preAuthentication(PAYLOAD_TYPE, manifest));
  const files = new Map([
    [manifestPath(order.id), manifest],
    [signaturePath(order.id), renderEnvelope(manifest, { keyId: us.signer.keyId, bytes })],
  ]);
  const appended = await us.mirror.append(us.ledger, null, [commitOf({}, { files })]);
  if (appended.kind !== "appended") throw new Error("it was not appended");
  await us.mirror.publish([{ ref: us.ledger, from: null, to: appended.head }]);

  expect(await acceptRun(us, order)).toEqual({ kind: "recorded" });
  const ask = { record, before: undefined, known: () => false, tree: new Map<string, Uint8Array>() };
  expect(await recordRun(recording(us), ask)).toMatchObject({ kind: "recorded", commit: appended.head });
  expect(place.remote.git("rev-parse", us.ledger).trim()).toBe(appended.head);
});
