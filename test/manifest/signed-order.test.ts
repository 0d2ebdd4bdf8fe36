import { generateKeyPairSync, sign } from "node:crypto";

import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import { keyIdOf, PAYLOAD_TYPE, preAuthentication, renderEnvelope } from "../../src/manifest/dsse.ts";
import { ORDER_FILES, signedOrder } from "../../src/manifest/signed-order.ts";
import { ORDER_TYPE, orderOf, renderOrder, REQUEST_FILE, REQUEST_SIGNATURE } from "../../src/run/request.ts";
import { sha } from "./run-records.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
const us = { keyId: keyIdOf(pem), publicKey: pem };

const order = orderOf(
  { id: "digits", concurrency: null },
  {
    repository: "42",
    source: sha("a"),
    request: "push:main",
    plan: digestOf("plan"),
    domain: "main",
    branch: "main",
    pullRequest: null,
    requestedBy: null,
    acceptedAt: "2026-01-01T00:00:00Z",
    pins: {},
  },
);
const request = renderOrder(order);

function envelope(bytes: Uint8Array, type = ORDER_TYPE): Uint8Array {
  return renderEnvelope(
    bytes,
    { keyId: us.keyId, bytes: sign(null, preAuthentication(type, bytes), privateKey) },
    type,
  );
}

function files(...those: readonly (readonly [string, Uint8Array])[]): ReadonlyMap<string, Uint8Array> {
  return new Map(those);
}

test("an acceptance that we signed gives back its order from the two files that it consists of", () => {
  const accepted = files([REQUEST_FILE, request], [REQUEST_SIGNATURE, envelope(request)]);

  expect(signedOrder(accepted, us)).toEqual(order);
  expect([...accepted.keys()]).toEqual(ORDER_FILES);
});

test("an acceptance that lacks a file decides nothing", () => {
  expect(signedOrder(files(), us)).toBeUndefined();
  expect(signedOrder(files([REQUEST_FILE, request]), us)).toBeUndefined();
  expect(signedOrder(files([REQUEST_SIGNATURE, envelope(request)]), us)).toBeUndefined();
});

test("a signature for other bytes, as a manifest, or by another key decides nothing", () => {
  const other = renderOrder({ ...order, branch: "other" });
  const stranger = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }).toString();
  const right = files([REQUEST_FILE, request], [REQUEST_SIGNATURE, envelope(request)]);

  expect(signedOrder(files([REQUEST_FILE, other], [REQUEST_SIGNATURE, envelope(request)]), us)).toBeUndefined();
  expect(
    signedOrder(files([REQUEST_FILE, request], [REQUEST_SIGNATURE, envelope(request, PAYLOAD_TYPE)]), us),
  ).toBeUndefined();
  expect(signedOrder(right, { keyId: keyIdOf(stranger), publicKey: stranger })).toBeUndefined();
  expect(signedOrder(right, { keyId: us.keyId, publicKey: stranger })).toBeUndefined();
});
