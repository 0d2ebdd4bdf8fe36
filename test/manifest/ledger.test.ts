import { generateKeyPairSync } from "node:crypto";

import { expect, test } from "vitest";

import { parseDigest } from "../../src/identity/identity.ts";
import { keyIdOf } from "../../src/manifest/dsse.ts";
import {
  headerWithKey,
  headerWithKeys,
  headerWithKeysOf,
  parseLedgerHeader,
  type LedgerHeader,
} from "../../src/manifest/ledger-header.ts";
import { keyPath, ledgerHeader, manifestPath, runDirectory, signaturePath } from "../../src/manifest/ledger-paths.ts";
import { runId } from "./run-records.ts";

interface Key {
  readonly keyId: string;
  readonly pem: string;
}

function newKey(): Key {
  const pem = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }).toString();
  return { keyId: keyIdOf(pem), pem };
}

const [ONE, TWO, THREE] = [newKey(), newKey(), newKey()];

function bytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
}

function header(repository: string, ...keys: readonly Key[]): Uint8Array {
  return bytes(ledgerHeader(repository, keys));
}

function read(there: Uint8Array | undefined): LedgerHeader | undefined {
  if (there === undefined) return undefined;
  const parsed = parseLedgerHeader(there);
  if (parsed.kind !== "ok") throw new Error(parsed.refusal);
  return parsed.value;
}

function holding(repository: string, ...keys: readonly Key[]): LedgerHeader {
  return { repository, keys: new Map(keys.map(({ keyId, pem }) => [keyId, pem])) };
}

test("runs and key documents stand two levels down, by the first characters of their names", () => {
  const run = runId("ab2cd3");
  const hex = `cafe${"0".repeat(60)}`;
  const key = parseDigest(`sha256:${hex}`);
  if (key === undefined) throw new Error("it is a digest");

  expect(runDirectory(run)).toBe(`runs/${run.slice(0, 2)}/${run.slice(2, 4)}/${run}`);
  expect(manifestPath(run)).toBe(`${runDirectory(run)}/manifest.json`);
  expect(signaturePath(run)).toBe(`${runDirectory(run)}/manifest.sig.json`);
  expect(keyPath(key)).toBe(`keys/ca/fe/${hex}.json`);
});

test.each([
  ["it is not JSON", "{"],
  ["it is no map", null],
  ["it is no map", []],
  ["it lacks `ledger`, `repository` or `keys`", { repository: "7", keys: [] }],
  ["it lacks `ledger`, `repository` or `keys`", { ledger: 1, repository: 7, keys: [] }],
  ["it lacks `ledger`, `repository` or `keys`", { ledger: 1, repository: "7", keys: {} }],
  ["one of its keys lacks `keyId` or `pem`", { ledger: 1, repository: "7", keys: [null] }],
  ["one of its keys lacks `keyId` or `pem`", { ledger: 1, repository: "7", keys: [{ pem: ONE.pem }] }],
  ["one of its keys lacks `keyId` or `pem`", { ledger: 1, repository: "7", keys: [ONE, { keyId: ONE.keyId }] }],
  [
    'the key "0123456789ab" has another id than its own',
    { ledger: 1, repository: "7", keys: [{ keyId: "0123456789abcdef", pem: ONE.pem }] },
  ],
  [
    'the key "none" has another id than its own',
    { ledger: 1, repository: "7", keys: [{ keyId: "none", pem: "no key" }] },
  ],
])("a header is refused where %s", (refusal, written) => {
  expect(parseLedgerHeader(bytes(written))).toEqual({ kind: "refused", refusal });
});

test("a header takes one more key behind those that it has, and is left alone where it has it", () => {
  expect(read(headerWithKey(undefined, "7", ONE))).toEqual(holding("7", ONE));
  expect(read(headerWithKey(header("7", ONE), "7", TWO))).toEqual(holding("7", ONE, TWO));
  expect(headerWithKey(header("7", ONE, TWO), "7", TWO)).toBeUndefined();
});

test("a fork's header keeps the keys of where it came from under the fork's own name", () => {
  expect(headerWithKey(header("7", ONE, TWO), "8", TWO)).toEqual(header("8", ONE, TWO));
  expect(headerWithKey(header("7", ONE), "8", TWO)).toEqual(header("8", ONE, TWO));
});

test("several keys are taken one after the other", () => {
  expect(headerWithKeys(header("7", ONE), "7", [TWO, ONE, THREE])).toEqual(header("7", ONE, TWO, THREE));
  expect(headerWithKeys(header("7", ONE), "7", [TWO, ONE])).toEqual(header("7", ONE, TWO));
  expect(headerWithKeys(header("7", ONE, TWO), "7", [TWO, ONE])).toBeUndefined();
});

test("a ledger that was written anew gets back the keys and the name that it had", () => {
  const was = header("7", ONE, TWO);

  expect(headerWithKeysOf(was, undefined)).toEqual(was);
  expect(headerWithKeysOf(was, bytes("{"))).toEqual(was);
  expect(headerWithKeysOf(was, header("7", THREE, TWO))).toEqual(header("7", THREE, TWO, ONE));
  expect(headerWithKeysOf(was, header("8", ONE, TWO))).toEqual(was);
  expect(headerWithKeysOf(was, header("7", TWO, ONE, THREE))).toBeUndefined();
});

test("a ledger whose former header nobody can read is left as it is", () => {
  expect(headerWithKeysOf(undefined, header("7", ONE))).toBeUndefined();
  expect(headerWithKeysOf(bytes("{"), header("7", ONE))).toBeUndefined();
});
