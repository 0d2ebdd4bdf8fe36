import { createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, sign, type KeyObject } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { keyIdOf } from "../manifest/dsse.ts";
import type { Signer } from "./signer.ts";

const FILE = "ed25519.pem";

/** Signs with the Ed25519 key in `directory`, made on first use; `pem` (SLUICE_SIGNING_KEY) wins over it. */
export function fileSigner(directory: string, pem: string | undefined): Signer {
  const key =
    pem === undefined ? parseKey(readOrCreate(directory), join(directory, FILE)) : parseKey(pem, "SLUICE_SIGNING_KEY");
  const publicKey = createPublicKey(key).export({ type: "spki", format: "pem" }).toString();
  return {
    keyId: keyIdOf(publicKey),
    publicKey,
    async sign(bytes) {
      return sign(null, bytes, key);
    },
  };
}

/** A key of another kind would sign too, and nobody could verify it here. */
function parseKey(pem: string, origin: string): KeyObject {
  const wrong = `${origin} must be an Ed25519 private key in PEM\n  next: openssl genpkey -algorithm ed25519`;
  let key: KeyObject;
  try {
    // Variables often carry line ends as two characters.
    key = createPrivateKey(pem.replaceAll("\\n", "\n"));
  } catch (cause) {
    throw new Error(wrong, { cause });
  }
  if (key.asymmetricKeyType !== "ed25519") throw new Error(wrong);
  return key;
}

function readOrCreate(directory: string): string {
  const path = join(directory, FILE);
  if (!existsSync(path)) create(directory, path);
  return readFileSync(path, "utf8");
}

/** Two processes that start at once end with one key: the second link is refused. */
function create(directory: string, path: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const temporary = `${path}.${randomUUID()}`;
  writeFileSync(temporary, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  try {
    linkSync(temporary, path);
    writeFileSync(join(directory, "ed25519.pub.pem"), publicKey.export({ type: "spki", format: "pem" }));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    unlinkSync(temporary);
  }
}
