import { createPublicKey, generateKeyPairSync, sign } from "node:crypto";

import { expect, test } from "vitest";

import {
  checkEnvelope,
  keyIdOf,
  PAYLOAD_TYPE,
  preAuthentication,
  publicKeyPem,
  renderEnvelope,
  type Envelope,
} from "../../src/manifest/dsse.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
const keyId = keyIdOf(pem);
const keys = new Map([[keyId, pem]]);
const payload = new TextEncoder().encode('{"a": "ä"}\n');
const right = renderEnvelope(payload, {
  keyId,
  bytes: sign(null, preAuthentication(PAYLOAD_TYPE, payload), privateKey),
});
const parsed = JSON.parse(new TextDecoder().decode(right)) as Envelope;

function changed(change: Partial<Envelope>): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ ...parsed, ...change }));
}

test("the encoding is that of the protocol's own example", () => {
  const encoded = preAuthentication("http://example.com/HelloWorld", new TextEncoder().encode("hello world"));
  expect(new TextDecoder().decode(encoded)).toBe("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
});

test("an envelope holds the whole payload, so that any verifier can read it", () => {
  expect(Buffer.from(parsed.payload, "base64")).toEqual(Buffer.from(payload));
  expect(parsed.payloadType).toBe("application/vnd.in-toto+json");
  expect(keyId).toMatch(/^[0-9a-f]{64}$/);
});

test("a right signature is valid, beside those of unknown keys too", () => {
  expect(checkEnvelope(right, payload, keys)).toEqual({ kind: "valid", keyId });
  const two = changed({ signatures: [{ keyid: "other", sig: "AAAA" }, ...parsed.signatures] });
  expect(checkEnvelope(two, payload, keys)).toEqual({ kind: "valid", keyId });
});

test("a key that is not known is named", () => {
  expect(checkEnvelope(right, payload, new Map())).toEqual({ kind: "unknown-key", keyId });
});

test("every flipped bit of a signature is seen", () => {
  const bytes = Buffer.from(parsed.signatures[0]?.sig ?? "", "base64");
  for (let at = 0; at < bytes.length; at++) {
    const spoiled = Buffer.from(bytes);
    spoiled[at] = (spoiled[at] ?? 0) ^ 1;
    const envelope = changed({ signatures: [{ keyid: keyId, sig: spoiled.toString("base64") }] });
    expect(checkEnvelope(envelope, payload, keys)).toEqual({
      kind: "invalid",
      why: "the signature does not fit the bytes",
    });
  }
});

const rsa = createPublicKey(generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey)
  .export({ type: "spki", format: "pem" })
  .toString();

test.each<[string, Uint8Array, string]>([
  [
    "other bytes",
    changed({ payload: Buffer.from("{}").toString("base64") }),
    "the signature is for other bytes than these",
  ],
  [
    "another type",
    changed({ payloadType: "text/plain" }),
    'the signature is for the type "text/plain", not for a manifest',
  ],
  ["no signature", changed({ signatures: [] }), "the signature file holds no signature"],
  ["null", new TextEncoder().encode("null"), "the signature file is no envelope"],
  [
    "a signature of null",
    new TextEncoder().encode(JSON.stringify({ ...parsed, signatures: [null] })),
    "the signature file is no envelope",
  ],
  ["text", new TextEncoder().encode("x"), "the signature file is not JSON"],
])("%s is refused with a sentence", (_, envelope, why) => {
  expect(checkEnvelope(envelope, payload, keys)).toEqual({ kind: "invalid", why });
});

test.each([rsa, "no key"])("a known key of another kind is refused", (other) => {
  const check = checkEnvelope(right, payload, new Map([[keyId, other]]));
  expect(check).toEqual({ kind: "invalid", why: `key ${keyId.slice(0, 12)} is no Ed25519 public key` });
});

test("a public key is read as a person writes it: 32 raw bytes, or SPKI, in base64", () => {
  const { publicKey } = generateKeyPairSync("ed25519");
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const der = publicKey.export({ type: "spki", format: "der" });
  expect(publicKeyPem(der.toString("base64"))).toBe(pem);
  expect(publicKeyPem(der.subarray(-32).toString("base64"))).toBe(pem);
  expect(publicKeyPem("bm90IGEga2V5")).toBeUndefined();
});
