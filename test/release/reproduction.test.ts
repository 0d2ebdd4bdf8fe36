import { generateKeyPairSync, sign } from "node:crypto";

import fc from "fast-check";
import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import { keyIdOf, preAuthentication, renderEnvelope } from "../../src/manifest/dsse.ts";
import { EVENT_TYPE } from "../../src/release/release-event.ts";
import {
  differencesOf,
  isReproductionPath,
  isSame,
  parseReproduction,
  recordedReproduction,
  renderReproduction,
  REPRODUCTION_TYPE,
  reproductionMessage,
  reproductionPath,
  type Reproduction,
} from "../../src/release/reproduction.ts";
import {
  reproductionOf,
  strangeIn,
  verifyReproduction,
  type ReproductionEntry,
} from "../../src/release/verify-reproduction.ts";
import { runId } from "../manifest/run-records.ts";

const SAME: Reproduction = {
  repository: "42",
  run: runId("a"),
  manifest: digestOf("manifest"),
  platform: "linux-x64",
  compared: 12,
  differences: differencesOf([]),
  left: ["publish"],
  at: "2026-01-01T00:00:00.000Z",
};
const OTHER: Reproduction = { ...SAME, differences: differencesOf(["build/model.json", "evaluate: accuracy"]) };
const DIGITS = { id: "digits", name: "digits" };

function keys(): { readonly keyId: string; readonly pem: string; readonly sign: (bytes: Uint8Array) => Uint8Array } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  return { keyId: keyIdOf(pem), pem, sign: (bytes) => sign(null, bytes, privateKey) };
}
const [OURS, STRANGERS] = [keys(), keys()];
const VOUCHING = { keys: new Map([[OURS.keyId, OURS.pem]]), repository: "42" };

function entry(reproduction: Reproduction, key = OURS, type = REPRODUCTION_TYPE): ReproductionEntry {
  const payload = renderReproduction(reproduction);
  const bytes = key.sign(preAuthentication(type, payload));
  const envelope = renderEnvelope(payload, { keyId: key.keyId, bytes }, type);
  return { path: reproductionPath(reproduction.run, digestOf(payload)), payload, envelope };
}

test("a reproduction is written in one way, and its commit says the same", () => {
  expect(new TextDecoder().decode(renderReproduction(OTHER))).toBe(
    `{"at":"2026-01-01T00:00:00.000Z","compared":12,"differences":{"count":2,"names":["build/model.json","evaluate: accuracy"]},"left":["publish"],"manifest":"${digestOf("manifest")}","platform":"linux-x64","repository":"42","reproduction":1,"run":"${runId("a")}"}\n`,
  );
  const digest = digestOf(renderReproduction(SAME));
  expect(reproductionMessage(SAME, DIGITS)).toBe(
    `digits: run aaaa reproduced, 12 digests and metrics compared\n\nSluice-Event: reproduced\nSluice-Pipeline: digits\nSluice-Run: ${runId("a")}\nSluice-Reproduced: true\nSluice-Reproduction: ${digest}\n`,
  );
  expect(reproductionMessage(OTHER, DIGITS)).toMatch(
    /^digits: run aaaa did not reproduce: 2 of 12 differ\n(?:.|\n)*Sluice-Reproduced: false\n/,
  );
  const path = `runs/aa/aa/${runId("a")}/reproductions/${digest.slice(7, 39)}.json`;
  expect(recordedReproduction(reproductionMessage(SAME, DIGITS))).toEqual({ run: SAME.run, path });
  expect(isReproductionPath(path)).toBe(true);
  expect(recordedReproduction(`digits: succeeded\n\nSluice-Run: ${runId("a")}\n`)).toBeUndefined();
});

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const anyReproduction = fc
  .record({ names: fc.array(text, { maxLength: 30 }), more: fc.nat(5), left: fc.array(text, { maxLength: 3 }) })
  .map(({ names, more, left }) => ({
    ...SAME,
    compared: names.length + more,
    differences: differencesOf(names),
    left,
  }));

test("what is written is read back as it was, at most 20 differences by name, and any other byte is none of ours", () => {
  fc.assert(
    fc.property(anyReproduction, fc.nat(), fc.integer({ min: 1, max: 255 }), (reproduction, at, flip) => {
      const bytes = renderReproduction(reproduction);
      expect(parseReproduction(bytes)).toEqual(reproduction);
      expect(reproduction.differences.names.length).toBeLessThanOrEqual(20);
      const changed = Uint8Array.from(bytes);
      changed[at % bytes.length]! ^= flip;
      const read = parseReproduction(changed);
      // What can be read is what its bytes spell, so that a digest names one record.
      expect(read === undefined || Buffer.compare(renderReproduction(read), changed) === 0).toBe(true);
    }),
  );
});

test("nothing counts as the same where nothing was compared, or more differs than was compared", () => {
  expect([SAME, OTHER, { ...SAME, compared: 0 }].map(isSame)).toEqual([true, false, false]);
  expect(parseReproduction(renderReproduction({ ...OTHER, compared: 1 }))).toBeUndefined();
  expect(parseReproduction(renderReproduction({ ...SAME, differences: { count: 0, names: ["x"] } }))).toBeUndefined();
  expect(parseReproduction(renderReproduction({ ...SAME, at: "soon" }))).toBeUndefined();
  expect(parseReproduction(new TextEncoder().encode("[]"))).toBeUndefined();
});

test("a reproduction counts when a key of ours signed these bytes for this repository and this run", () => {
  const why = (one: ReproductionEntry): string => {
    const verified = verifyReproduction(one, VOUCHING);
    return verified.kind === "valid" ? verified.keyId : verified.why;
  };
  expect(why(entry(SAME))).toBe(OURS.keyId);
  expect(why(entry(SAME, STRANGERS))).toMatch(/signed by a key that is not ours/);
  expect(why(entry({ ...SAME, repository: "43" }))).toBe("it is of another repository (43)");
  expect(why({ ...entry(SAME), path: entry(OTHER).path })).toMatch(/where another reproduction belongs/);
  expect(why({ ...entry(SAME), envelope: undefined })).toBe("it is not signed");
  expect(why({ ...entry(SAME), envelope: entry(OTHER).envelope })).toMatch(/for other bytes/);
  // A signature over an event is none over this.
  expect(why(entry(SAME, OURS, EVENT_TYPE))).toMatch(/the signature is for the type/);
});

test("of several the newest without a difference counts, and none of another manifest, repository or key", () => {
  const of = (...all: readonly ReproductionEntry[]): Reproduction | undefined =>
    reproductionOf(all, SAME.manifest, VOUCHING);
  const later = { ...SAME, at: "2026-01-02T00:00:00.000Z" };
  expect(of(entry(SAME), entry(later), entry(OTHER))).toEqual(later);
  expect(of(entry(OTHER))).toEqual(OTHER);
  const manifest = digestOf("another");
  expect(
    of(entry(SAME, STRANGERS), entry({ ...SAME, repository: "43" }), entry({ ...SAME, manifest })),
  ).toBeUndefined();
  const signed = { payload: new Uint8Array(), envelope: new Uint8Array(), key: OURS };
  const strange = (reproduction: Reproduction) =>
    strangeIn([{ reproduction, signed }], { run: SAME.run, manifest: SAME.manifest });
  expect(strange(SAME)).toBeUndefined();
  expect(strange({ ...SAME, manifest })).toMatch(/another manifest/);
  expect(strange({ ...SAME, run: runId("b") })).toMatch(/another run/);
});
