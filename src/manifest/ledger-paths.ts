import { hexOf, type Digest, type RunId } from "../identity/identity.ts";

/** Local runs are recorded here: never a baseline, never promotable. */
export const LOCAL_LEDGER = "refs/sluice/local";
export const LEDGER_HEADER = "ledger.json";

/** `runs/<2>/<2>/<id>`: two levels keep a ledger of any size quick to commit to. */
export function runDirectory(id: RunId): string {
  return `runs/${id.slice(0, 2)}/${id.slice(2, 4)}/${id}`;
}

export function manifestPath(id: RunId): string {
  return `${runDirectory(id)}/manifest.json`;
}

export function signaturePath(id: RunId): string {
  return `${runDirectory(id)}/manifest.sig.json`;
}

/** Where a key document stands, once for all runs that use it. */
export function keyPath(key: Digest): string {
  const hex = hexOf(key);
  return `keys/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${hex}.json`;
}

/** `ledger.json`: what a ledger is of, and the public keys that sign in it. */
export function ledgerHeader(
  repository: string,
  publicKeys: readonly { readonly keyId: string; readonly pem: string }[],
): string {
  return `${JSON.stringify({ ledger: 1, forge: null, repository, keys: publicKeys }, null, 2)}\n`;
}
