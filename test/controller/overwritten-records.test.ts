import { join } from "node:path";

import { expect, test } from "vitest";

import { acceptRun } from "../../src/controller/accept-run.ts";
import { lostOrders } from "../../src/controller/open-orders.ts";
import { recordRun } from "../../src/controller/record-run.ts";
import { runAccepted, type RunAcceptedPorts } from "../../src/controller/run-accepted.ts";
import { sqliteHistory } from "../../src/index/sqlite-history.ts";
import { recordedOf } from "../../src/main/release/deployments.ts";
import { recordedRuns } from "../../src/main/release/recorded-runs.ts";
import { commitMessage } from "../../src/manifest/commit-message.ts";
import { manifestPath, signaturePath } from "../../src/manifest/ledger-paths.ts";
import { renderManifest } from "../../src/manifest/render-manifest.ts";
import { digestOf } from "../../src/identity/identity.ts";
import { acceptedRef } from "../../src/run/request.ts";
import { commitOf } from "../contract/git.ts";
import { digitsRun, runId } from "../manifest/run-records.ts";
import { ordered, recording, remotePlace } from "./acceptances.ts";

const REQUEST = "deploy:prod:3";
const DEPLOYS = { environment: "prod", number: 3, pipeline: "digits", run: runId("c") };

test.each(["no manifest", "an end of their own"])(
  "a deployment is not made again where somebody pushed %s over its record",
  async (what) => {
    const place = await remotePlace();
    const [us, them] = [await place.controller("ours"), await place.controller("theirs")];
    const order = ordered({ request: REQUEST, deploys: DEPLOYS });
    const record = digitsRun({ id: order.id, request: REQUEST, trigger: "deploy", deploys: DEPLOYS });
    expect(await acceptRun(us, order)).toEqual({ kind: "accepted", mine: true });
    const acceptance = place.remote.git("rev-parse", acceptedRef(order.id)).trim();
    const ask = { record, before: undefined, known: () => false, tree: new Map<string, Uint8Array>() };
    await recordRun(recording(us), ask);

    await them.mirror.refresh([us.ledger]);
    const head = (await them.mirror.resolve(us.ledger)) ?? null;
    const own = renderManifest({ ...record, status: "failed" });
    const manifest = what === "no manifest" ? new TextEncoder().encode("{}") : own;
    const files = new Map([
      [manifestPath(order.id), manifest],
      [signaturePath(order.id), new TextEncoder().encode("{}")],
    ]);
    const message = what === "no manifest" ? "by hand" : commitMessage(record, digestOf(manifest), undefined);
    const appended = await them.mirror.append(us.ledger, head, [commitOf({}, { files, message })]);
    if (appended.kind !== "appended") throw new Error("it was not appended");
    await them.mirror.publish([{ ref: us.ledger, from: head, to: appended.head }]);
    // Whoever kept it may put the acceptance back as well.
    place.remote.git("update-ref", acceptedRef(order.id), acceptance);

    const refreshed = await us.mirror.refresh([us.ledger]);
    if (refreshed.kind !== "ok") throw new Error(refreshed.why);
    await using history = sqliteHistory(join(place.remote.directory, "anew.sqlite"), {
      keys: us.keys,
      head: () => us.mirror.resolve(us.ledger),
      log: (until) => us.mirror.log(us.ledger, until),
      files: (commit, paths) => us.mirror.files(commit, paths),
    });
    await history.sync();
    const runs = recordedRuns({ ...us, history, repository: record.repository });
    expect(await recordedOf({ repository: { history }, runs }, REQUEST)).toMatchObject({
      id: order.id,
      status: "succeeded",
    });
    expect(await acceptRun(us, order)).toEqual({ kind: "recorded" });
    expect(await lostOrders(us, refreshed.refs)).toEqual([]);
    const ports = { ...us, openOrders: async () => [order] } as unknown as RunAcceptedPorts;
    expect(await runAccepted(ports, order.id)).toEqual({ kind: "recorded", acceptance });
    expect(await recordRun(recording(us), ask)).toMatchObject({ kind: "recorded", commit: appended.head });
  },
);
