import { generateKeyPairSync, sign } from "node:crypto";

import { expect, test } from "vitest";

import { keyIdOf, PAYLOAD_TYPE, preAuthentication, renderEnvelope } from "../../src/manifest/dsse.ts";
import { manifestPath, signaturePath } from "../../src/manifest/ledger-paths.ts";
import { renderRun } from "../../src/manifest/render-manifest.ts";
import { runFiles, signedRun } from "../../src/manifest/signed-run.ts";
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
