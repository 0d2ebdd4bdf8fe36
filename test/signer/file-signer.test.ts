import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterEach, beforeEach, expect, test } from "vitest";

import { checkEnvelope, keyIdOf, PAYLOAD_TYPE, preAuthentication, renderEnvelope } from "../../src/manifest/dsse.ts";
import { fileSigner } from "../../src/signer/file-signer.ts";

let directory: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "sluice-signer-")), "keys");
});
afterEach(() => {
  rmSync(join(directory, ".."), { recursive: true, force: true });
});

test("the key is made once, for its owner alone, and its public half stands beside it", async () => {
  const first = fileSigner(directory, undefined);
  const second = fileSigner(directory, undefined);
  expect(second.keyId).toBe(first.keyId);
  expect(statSync(join(directory, "ed25519.pem")).mode & 0o777).toBe(0o600);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(readdirSync(directory).toSorted()).toEqual(["ed25519.pem", "ed25519.pub.pem"]);
  expect(readFileSync(join(directory, "ed25519.pub.pem"), "utf8")).toBe(first.publicKey);
  expect(first.keyId).toBe(keyIdOf(first.publicKey));
});

test("what it signs is verified with its public key", async () => {
  const signer = fileSigner(directory, undefined);
  const payload = new TextEncoder().encode("{}\n");
  const bytes = await signer.sign(preAuthentication(PAYLOAD_TYPE, payload));
  const keys = new Map([[signer.keyId, signer.publicKey]]);
  expect(checkEnvelope(renderEnvelope(payload, { keyId: signer.keyId, bytes }), payload, keys)).toEqual({
    kind: "valid",
    keyId: signer.keyId,
  });
});

test("processes that start at once end with one key", async () => {
  const code = `import { fileSigner } from ${JSON.stringify(join(import.meta.dirname, "../../src/signer/file-signer.ts"))}; console.log(fileSigner(process.argv[1], undefined).keyId);`;
  const started = Array.from({ length: 4 }, () =>
    promisify(execFile)(process.execPath, ["--input-type=module-typescript", "-e", code, directory]),
  );
  const ids = (await Promise.all(started)).map(({ stdout }) => stdout.trim());
  expect(new Set(ids).size).toBe(1);
  expect(ids[0]).toMatch(/^[0-9a-f]{64}$/);
  expect(readdirSync(directory).toSorted()).toEqual(["ed25519.pem", "ed25519.pub.pem"]);
});

test("a key from a variable wins and leaves no file, also with its line ends written as two characters", () => {
  const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  expect(fileSigner(directory, pem.replaceAll("\n", "\\n")).keyId).toBe(fileSigner(directory, pem).keyId);
  expect(() => readdirSync(directory)).toThrow("ENOENT");
});

test.each([
  ["no key", "hello"],
  [
    "a key of another kind",
    generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  ],
])("%s is refused with the command that makes one", (_, pem) => {
  expect(() => fileSigner(directory, pem)).toThrow(
    "SLUICE_SIGNING_KEY must be an Ed25519 private key in PEM\n  next: openssl genpkey -algorithm ed25519",
  );
});
