import { generateKeyPairSync } from "node:crypto";

import { expect, test } from "vitest";

import { keysInUse, keysOf } from "../../src/main/release/signing-keys.ts";
import { keyIdOf } from "../../src/manifest/dsse.ts";

function key(): { readonly pem: string; readonly base64: string } {
  const { publicKey } = generateKeyPairSync("ed25519");
  return {
    pem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    base64: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
  };
}

test("a key that is retired vouches for what it signed, and says nothing new", () => {
  const [own, other, old] = [key(), key(), key()];
  const keys = [
    { id: "other", public: other.base64, retired: false },
    { id: "old", public: old.base64, retired: true },
  ];
  const signing = { signer: { publicKey: own.pem }, operator: { signingKeys: keys } };
  expect([...keysOf(signing).keys()]).toEqual([own, other, old].map(({ pem }) => keyIdOf(pem)));
  expect([...keysInUse(signing).keys()]).toEqual([own, other].map(({ pem }) => keyIdOf(pem)));
});
