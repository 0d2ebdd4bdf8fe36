import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { keyIdOf } from "../manifest/dsse.ts";
import type { Signer } from "./signer.ts";

const SUFFIX = ".pub.pem";

/** Writes the key that verifies where others on this machine find it; several services may share the directory. */
export function keepPublicKey(directory: string, { keyId, publicKey }: Pick<Signer, "keyId" | "publicKey">): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${keyId}${SUFFIX}`);
  const temporary = `${path}.${randomUUID()}`;
  writeFileSync(temporary, publicKey);
  renameSync(temporary, path);
}

/** Public keys (PEM by key id) that were kept in a directory; none where there is none. */
export function publicKeys(directory: string): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  for (const name of namesIn(directory)) {
    if (!name.endsWith(SUFFIX)) continue;
    const pem = readFileSync(join(directory, name), "utf8");
    keys.set(keyIdOf(pem), pem);
  }
  return keys;
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
