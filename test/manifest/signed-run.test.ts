import { generateKeyPairSync, sign } from "node:crypto";

import { expect, test } from "vitest";

import { keyIdOf, PAYLOAD_TYPE, preAuthentication, renderEnvelope } from "../../src/manifest/dsse.ts";
import { manifestPath, signaturePath } from "../../src/manifest/ledger-paths.ts";
import { parseManifest } from "../../src/manifest/parse-manifest.ts";
import { renderRun } from "../../src/manifest/render-manifest.ts";
import { runFiles, signedRun } from "../../src/manifest/signed-run.ts";
import { memoryKey } from "../index/memory-ledger.ts";
import { digitsRun } from "./run-records.ts";

test("a run is recorded by a manifest of its own that one of the keys signed, and by nothing else", () => {
  const pair = generateKeyPairSync("ed25519");
  const pem = pair.publicKey.export({ type: "spki", format: "pem" }).toString();
  const keys = new Map([[keyIdOf(pem), pem]]);
  const [run, other] = [digitsRun(), digitsRun({ request: "push:side" })];
  const { manifest } = renderRun(run);
  const bytes = sign(null, preAuthentication(PAYLOAD_TYPE, manifest), pair.privateKey);
  const envelope = renderEnvelope(manifest, { keyId: keyIdOf(pem), bytes });
  const under = (id: typeof run.id): Map<string, Uint8Array> =>
    new Map([
      [manifestPath(id), manifest],
      [signaturePath(id), envelope],
    ]);

  expect([...under(run.id).keys()]).toEqual(runFiles(run.id));
  expect(signedRun(under(run.id), run.id, keys)).toBe(true);
  expect(signedRun(under(run.id), run.id, new Map())).toBe(false);
  expect(signedRun(under(other.id), other.id, keys)).toBe(false);
  expect(signedRun(new Map([[manifestPath(run.id), manifest]]), run.id, keys)).toBe(false);
  const changed = new TextEncoder().encode(`${new TextDecoder().decode(manifest)} `);
  expect(signedRun(under(run.id).set(manifestPath(run.id), changed), run.id, keys)).toBe(false);
});

test("a run that a newer version recorded is recorded: it is read by what every version says of it", () => {
  const key = memoryKey();
  const run = digitsRun();
  const text = new TextDecoder().decode(renderRun(run).manifest).replace(/"manifest": ?1\b/, '"manifest": 99');
  const under = (manifest: string): Map<string, Uint8Array> => {
    const bytes = new TextEncoder().encode(manifest);
    return new Map([
      [manifestPath(run.id), bytes],
      [signaturePath(run.id), key.envelope(bytes)],
    ]);
  };
  expect(parseManifest(new TextEncoder().encode(text), () => undefined)).toMatchObject({
    kind: "refused",
    why: "it has format 99 and this Sluice reads up to 1: install a newer one",
  });
  expect(signedRun(under(text), run.id, key.keys)).toBe(true);
  expect(signedRun(under(text), run.id, memoryKey().keys)).toBe(false);

  const other = digitsRun({ request: "push:side" }).id;
  const subject = (name: string): string => JSON.stringify({ subject: [{ name }], predicate: { of: "another time" } });
  expect(signedRun(under(subject(`run/${run.id}`)), run.id, key.keys)).toBe(true);
  expect(signedRun(under(subject(`run/${other}`)), run.id, key.keys)).toBe(false);
  expect(signedRun(under(subject(run.id)), run.id, key.keys)).toBe(false);
  expect(signedRun(under("{}"), run.id, key.keys)).toBe(false);
});
