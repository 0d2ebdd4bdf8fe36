import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { recordRun, type RecordPorts } from "../../src/controller/record-run.ts";
import { manifestPath } from "../../src/manifest/ledger-paths.ts";
import type { Store } from "../../src/store/store.ts";
import { digitsRun } from "../manifest/run-records.ts";
import { remotePlace, type Remote } from "./acceptances.ts";

const NOTHING_TO_SYNC = { barrier: async () => undefined } as unknown as Store;

function recording({ mirror, signer, ledger }: Awaited<ReturnType<Remote["controller"]>>): RecordPorts {
  return {
    git: mirror,
    signer,
    store: NOTHING_TO_SYNC,
    ledger: {
      ref: ledger,
      refresh: async () => void (await mirror.refresh([ledger])),
      publish: ({ from, to }) => mirror.publish([{ ref: ledger, from, to }]),
    },
  };
}

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
