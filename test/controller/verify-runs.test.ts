import { expect, test } from "vitest";

import { verifyRuns, type RunToVerify } from "../../src/controller/verify-runs.ts";
import { canonicalJson, type Json } from "../../src/identity/canonical-json.ts";
import { digestOf, type BlobId, type CommitSha, type Digest } from "../../src/identity/identity.ts";
import { commitMessage } from "../../src/manifest/commit-message.ts";
import { keyPath, manifestPath, runDirectory } from "../../src/manifest/ledger-paths.ts";
import { renderManifest } from "../../src/manifest/render-manifest.ts";
import type { RunRecord } from "../../src/run/run-record.ts";
import { digitsRun, documentsOf, runId } from "../manifest/run-records.ts";

const head = "0".repeat(40) as CommitSha;

/** What git holds, by the names under which it is asked for; answers in the order of the question, as git does. */
function holding(blobs: ReadonlyMap<BlobId, Uint8Array>, files: ReadonlyMap<string, Uint8Array>) {
  return {
    async blobs(ids: readonly BlobId[], take: (id: BlobId, bytes: Uint8Array) => void): Promise<void> {
      for (const id of ids) take(id, blobs.get(id) ?? new Uint8Array());
    },
    async files(_: unknown, paths: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
      return new Map(paths.flatMap((path) => (files.has(path) ? [[path, files.get(path) ?? new Uint8Array()]] : [])));
    },
  };
}

function documents(run: RunRecord, without?: Digest): ReadonlyMap<string, Uint8Array> {
  const find = documentsOf(run);
  const keys = run.steps.flatMap(({ key }) => (key === null || key === without ? [] : [key]));
  return new Map(
    keys.map((key) => [keyPath(key), new TextEncoder().encode(canonicalJson(find(key) as unknown as Json))]),
  );
}

const run = digitsRun();
const manifest = renderManifest(run);
const MANIFEST = "1".repeat(40) as BlobId;
const BESIDE = "2".repeat(40) as BlobId;
const blobs = new Map([
  [MANIFEST, manifest],
  [BESIDE, new TextEncoder().encode("{}")],
]);
const recorded: RunToVerify = {
  id: run.id,
  message: commitMessage(run, digestOf(manifest), undefined),
  files: new Map([
    [manifestPath(run.id), MANIFEST],
    [`${runDirectory(run.id)}/observations.json`, BESIDE],
  ]),
};
const order = { head, publicKeys: new Map<string, string>(), trust: null };

test("each run gets its own verdict in the order asked for, whatever files they share or lack", async () => {
  const lost: RunToVerify = { id: runId("y"), message: "", files: new Map() };
  // Its directory has what another run's has, byte for byte.
  const copied: RunToVerify = { ...recorded, id: runId("z"), files: new Map([[manifestPath(runId("z")), MANIFEST]]) };
  const runs = [lost, recorded, copied, lost, recorded];
  const verified = await verifyRuns(holding(blobs, documents(run)), { ...order, runs });
  expect(verified.map((one) => one.run)).toEqual(runs.map(({ id }) => id));
  expect(verified.map(({ findings }) => findings.map(({ kind }) => kind))).toEqual([
    ["manifest"],
    [],
    ["id"],
    ["manifest"],
    [],
  ]);
});

test("a key document that is not there is found for every run that names it", async () => {
  const [missing] = run.steps.flatMap(({ key }) => key ?? []);
  const runs = [recorded, { id: runId("y"), message: "", files: new Map() }, recorded];
  const verified = await verifyRuns(holding(blobs, documents(run, missing)), { ...order, runs });
  const named = run.steps.filter(({ key }) => key === missing).map(() => "key");
  expect(named).not.toEqual([]);
  expect(verified.map(({ findings }) => findings.map(({ kind }) => kind))).toEqual([named, ["manifest"], named]);
});
