import { generateKeyPairSync, sign } from "node:crypto";

import { expect, test } from "vitest";

import { canonicalJson, type Json } from "../../src/identity/canonical-json.ts";
import { digestOf, type Digest } from "../../src/identity/identity.ts";
import type { BundleCheck } from "../../src/manifest/bundle.ts";
import { commitMessage } from "../../src/manifest/commit-message.ts";
import { keyIdOf, PAYLOAD_TYPE, preAuthentication, renderEnvelope } from "../../src/manifest/dsse.ts";
import { parseLedgerHeader } from "../../src/manifest/ledger-header.ts";
import { ledgerHeader } from "../../src/manifest/ledger-paths.ts";
import { renderManifest } from "../../src/manifest/render-manifest.ts";
import { keyChecks, resultDigests, verifyRun, type LedgerEntry } from "../../src/manifest/verify.ts";
import type { RunRecord } from "../../src/run/run-record.ts";
import { digitsRun, documentsOf, runId } from "./run-records.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
const publicKeys = new Map([[keyIdOf(pem), pem]]);

/** As recorded and signed by us. */
function entryOf(record: RunRecord, manifest: Uint8Array = renderManifest(record)): LedgerEntry {
  const signature = sign(null, preAuthentication(PAYLOAD_TYPE, manifest), privateKey);
  return {
    run: record.id,
    manifest,
    envelope: renderEnvelope(manifest, { keyId: keyIdOf(pem), bytes: signature }),
    message: commitMessage(record, digestOf(manifest), undefined),
  };
}

function documentBytes(record: RunRecord): (key: Digest) => Uint8Array | undefined {
  const find = documentsOf(record);
  return (key) => {
    const document = find(key);
    return document === undefined ? undefined : new TextEncoder().encode(canonicalJson(document as unknown as Json));
  };
}

const run = digitsRun();
const identity = { issuer: "https://id.example.org", subject: "ada" };
const context = { publicKeys, keyDocument: keyChecks(documentBytes(run)), resultDigest: resultDigests() };

test("a run as recorded has no findings", () => {
  expect(verifyRun(entryOf(run), context)).toEqual({
    run: run.id,
    pipeline: "digits",
    verified: "signature",
    findings: [],
  });
});

test.each<[string, BundleCheck | undefined, unknown, string | undefined]>([
  ["of somebody who is listed", { kind: "valid", identity }, identity, undefined],
  [
    "of a stranger",
    { kind: "stranger", identity },
    undefined,
    'add { issuer: "https://id.example.org", subject: "ada"',
  ],
  ["that does not hold", { kind: "invalid", why: "it has expired" }, undefined, "does not hold: it has expired"],
  ["that nobody checks", undefined, "unchecked", undefined],
])("a bundle %s is told, whatever the key signed", (_, check, told, sentence) => {
  const entry = { ...entryOf(run), bundle: new Uint8Array() };
  const checking = check === undefined ? {} : { checkBundle: () => check };
  const verified = verifyRun(entry, { ...context, ...checking });
  expect(verified).toMatchObject({ verified: "signature" });
  expect(verified.identity).toEqual(told);
  expect(verified.findings.map((finding) => finding.kind)).toEqual(sentence === undefined ? [] : ["identity"]);
  expect(verified.findings[0]?.sentence ?? "").toContain(sentence ?? "");
});

test("an unsigned run is sound and verified by nobody", () => {
  expect(verifyRun({ ...entryOf(run), envelope: undefined }, context)).toMatchObject({
    verified: "none",
    findings: [],
  });
});

test("a changed manifest breaks signature and trailer", () => {
  const text = new TextDecoder().decode(renderManifest(run));
  const manifest = new TextEncoder().encode(text.replace('"platform": "linux-x64"', '"platform": "linux-x32"'));
  const { verified, findings } = verifyRun({ ...entryOf(run), manifest }, context);
  expect(verified).toBe("none");
  expect(findings.map((finding) => finding.kind)).toEqual(["signature", "trailer"]);
});

test("a manifest signed anew with other outputs shows that its results are not theirs", () => {
  const text = new TextDecoder().decode(renderManifest(run)).replace('"log_loss":0.0709', '"log_loss":0.01');
  const manifest = new TextEncoder().encode(text);
  const entry = entryOf({ ...run }, manifest);
  expect(verifyRun(entry, context).findings.map((finding) => finding.kind)).toEqual(["trailer", "result"]);
});

test.each<[string, (message: string) => string, string]>([
  [
    "a changed trailer",
    (message) => message.replace("accuracy=0.9889", "accuracy=0.9999"),
    "the commit's Sluice-Metric says accuracy=0.9999, log_loss=0.0709, the manifest gives accuracy=0.9889, log_loss=0.0709",
  ],
  [
    "a missing trailer",
    (message) => message.replace(/Sluice-Status: .*\n/, ""),
    "the commit's Sluice-Status is missing, the manifest gives succeeded",
  ],
  [
    "an added trailer",
    (message) => `${message}Sluice-Approved-By: mallory\n`,
    "the commit's Sluice-Approved-By says mallory, the manifest has none",
  ],
])("%s is found", (_, change, sentence) => {
  const entry = entryOf(run);
  expect(verifyRun({ ...entry, message: change(entry.message) }, context).findings).toEqual([
    { kind: "trailer", sentence },
  ]);
});

test("a manifest in another run's directory is found", () => {
  const { findings } = verifyRun({ ...entryOf(run), run: runId("z") }, context);
  expect(findings).toEqual([
    { kind: "id", sentence: `the manifest of run ${run.id} stands in the directory of ${runId("z")}` },
  ]);
});

test("an id that its request does not give is found", () => {
  const other = { ...run, id: runId("z") };
  expect(verifyRun(entryOf(other), context).findings).toEqual([
    { kind: "id", sentence: `its request gives the id ${run.id}, not ${other.id}` },
  ]);
});

test("key documents must be there and hash to their names, and each is looked at once", () => {
  let reads = 0;
  const keyDocument = keyChecks((key) => {
    reads++;
    return key === run.steps[0]?.key ? new TextEncoder().encode("{}") : undefined;
  });
  const sentences = verifyRun(entryOf(run), { publicKeys, keyDocument, resultDigest: resultDigests() }).findings.map(
    (finding) => finding.sentence.replace(/[0-9a-f]{12}/, "…"),
  );
  expect(sentences).toEqual([
    "the key document … has other bytes than its name says",
    "the key document … is not in the ledger",
    "the key document … is not in the ledger",
  ]);
  verifyRun(entryOf(run), { publicKeys, keyDocument, resultDigest: resultDigests() });
  expect(reads).toBe(3);
});

test("what was asked before changes no digest of a result", () => {
  const none: Json = { facts: { metrics: { a: null } } };
  const endless = JSON.parse('{"facts":{"metrics":{"a":1e400}}}') as Json;
  for (const results of [
    [none, endless],
    [endless, none],
  ]) {
    const digest = resultDigests();
    const twice = [...results, ...results];
    expect(twice.map(digest)).toEqual(twice.map((one) => (one === none ? digestOf(canonicalJson(none)) : undefined)));
  }
});

test("a signature of a stranger is found", () => {
  const { verified, findings } = verifyRun(entryOf(run), { ...context, publicKeys: new Map() });
  expect(verified).toBe("none");
  expect(findings.map((finding) => finding.kind)).toEqual(["signature"]);
});

test("what is no manifest is one finding, not an exception", () => {
  const { findings } = verifyRun({ ...entryOf(run), manifest: new Uint8Array(), envelope: undefined }, context);
  expect(findings).toEqual([{ kind: "manifest", sentence: "the manifest cannot be read: it is not JSON" }]);
});

test("the ledger's header gives back its keys and refuses a key under another's id", () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const keyId = keyIdOf(pem);
  expect(parseLedgerHeader(bytes(ledgerHeader("local:x", [{ keyId, pem }])))).toEqual({
    kind: "ok",
    value: { repository: "local:x", keys: publicKeys },
  });
  expect(parseLedgerHeader(bytes(ledgerHeader("local:x", [{ keyId: "0".repeat(64), pem }])))).toMatchObject({
    kind: "refused",
  });
  expect(parseLedgerHeader(bytes('{"ledger": 2, "repository": "x", "keys": []}'))).toEqual({
    kind: "refused",
    refusal: "it has format 2 and this Sluice reads up to 1: install a newer one",
  });
});
