import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Logger } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { tellNewKey } from "../../src/main/release/new-key.ts";
import { keysInUse, keysOf, type Signing } from "../../src/main/release/signing-keys.ts";
import { readIdentities } from "../../src/main/serve/identities.ts";
import { readOperator } from "../../src/main/serve/operator.ts";
import { keyIdOf } from "../../src/manifest/dsse.ts";
import { ledgerHeader } from "../../src/manifest/ledger-paths.ts";
import { sha } from "../manifest/run-records.ts";

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

test("a key that its ledger does not know is told of once, unless one that it knows is listed", async () => {
  const [own, old] = [key(), key()];
  const signed = (pem: string, repository = "7") =>
    new TextEncoder().encode(ledgerHeader(repository, [{ keyId: keyIdOf(pem), pem }]));
  const said = async (header: Uint8Array, signingKeys: Signing["operator"]["signingKeys"] = []) => {
    const told: object[] = [];
    const log = { warn: (about: object) => told.push(about) } as unknown as Pick<Logger, "warn">;
    const tell = tellNewKey({ ledger: "ledger", log, signer: { publicKey: own.pem }, operator: { signingKeys } });
    const repository = { id: 7, installation: 1, fullName: "acme/digits" };
    const mirror = { resolve: async () => sha("a"), file: async () => header };
    for (const _ of ["twice", "asked"]) await tell({ forge: { repository }, mirror });
    return told;
  };
  const short = ({ pem }: typeof own): string => keyIdOf(pem).slice(0, 12);
  expect(await said(signed(old.pem))).toEqual([{ repository: "acme/digits", key: short(own), others: [short(old)] }]);
  expect(await said(signed(old.pem), [{ id: "old", public: old.base64, retired: true }])).toEqual([]);
  expect(await said(signed(own.pem))).toEqual([]);
  // A fork brings the ledger of where it came from.
  expect(await said(signed(old.pem, "8"))).toEqual([]);
});

test("what looks like a key and is none stops the start instead of being passed over", () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-keys-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "operator.yaml");
  const read = (base64: string) => {
    writeFileSync(path, `version: 1\nsigning_keys: [{ id: old, public: ${base64} }]\n`);
    return readOperator(path);
  };
  const { base64 } = key();
  expect(read(base64).kind).toBe("ok");
  expect(read(base64.slice(0, 50))).toMatchObject({
    kind: "refused",
    why: "SLUICE_CONFIG: `public` of `old` under `signing_keys` is no Ed25519 key",
  });
});

test("a service starts only with a trusted root that can be read, where its file lists who is trusted", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-root-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const [file, root] = [join(directory, "operator.yaml"), join(directory, "trusted_root.json")];
  const read = async () => {
    const operator = readOperator(file);
    return operator.kind === "ok" ? readIdentities(operator.operator) : operator;
  };
  writeFileSync(file, "version: 1\n");
  expect(await read()).toEqual({ kind: "ok", checkBundle: undefined });
  const identities = '[{ issuer: "https://id.example.org", subject: "ada@example.org" }]';
  writeFileSync(file, `version: 1\nsigstore: { trusted_root: "${root}", identities: ${identities} }\n`);
  expect(await read()).toMatchObject({
    kind: "refused",
    why: expect.stringContaining(`${root} cannot be read`) as string,
  });
  writeFileSync(root, "{}");
  expect(await read()).toMatchObject({ kind: "refused", why: expect.stringContaining("is no trusted root") as string });
});
