import { ok, refused, type Result } from "../result/result.ts";
import { keyIdOf } from "./dsse.ts";
import { ledgerHeader } from "./ledger-paths.ts";
import { isObject } from "./shape.ts";

export const LEDGER_VERSION = 1;

export interface LedgerHeader {
  readonly repository: string;
  /** Public keys (PEM) that sign in this ledger, by key id. */
  readonly keys: ReadonlyMap<string, string>;
}

/** Reads `ledger.json`; a key under another id than its own is refused. */
export function parseLedgerHeader(bytes: Uint8Array): Result<LedgerHeader, string> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return refused("it is not JSON");
  }
  if (!isObject(value)) return refused("it is no map");
  const { ledger, repository, keys } = value;
  if (typeof ledger !== "number" || typeof repository !== "string" || !Array.isArray(keys))
    return refused("it lacks `ledger`, `repository` or `keys`");
  if (ledger > LEDGER_VERSION)
    return refused(`it has format ${ledger} and this Sluice reads up to ${LEDGER_VERSION}: install a newer one`);
  const known = new Map<string, string>();
  for (const key of keys) {
    if (!isObject(key) || typeof key["keyId"] !== "string" || typeof key["pem"] !== "string")
      return refused("one of its keys lacks `keyId` or `pem`");
    if (idOf(key["pem"]) !== key["keyId"])
      return refused(`the key ${JSON.stringify(key["keyId"].slice(0, 12))} has another id than its own`);
    known.set(key["keyId"], key["pem"]);
  }
  return ok({ repository, keys: known });
}

/** `ledger.json` of this repository with one more signing key; undefined where it says both already. */
export function headerWithKey(
  there: Uint8Array | undefined,
  repository: string,
  mine: { readonly keyId: string; readonly pem: string },
): Uint8Array | undefined {
  const before =
    there === undefined
      ? undefined
      : (JSON.parse(new TextDecoder().decode(there)) as {
          repository: string;
          keys: { keyId: string; pem: string }[];
        });
  const known = before?.keys ?? [];
  const knows = known.some((key) => key.keyId === mine.keyId);
  // A fork brings the ledger of where it came from.
  if (knows && before?.repository === repository) return undefined;
  return new TextEncoder().encode(ledgerHeader(repository, knows ? known : [...known, mine]));
}

/** The same with several keys. */
export function headerWithKeys(
  there: Uint8Array | undefined,
  repository: string,
  keys: readonly { readonly keyId: string; readonly pem: string }[],
): Uint8Array | undefined {
  let header: Uint8Array | undefined;
  for (const key of keys) header = headerWithKey(header ?? there, repository, key) ?? header;
  return header;
}

/** `ledger.json` with the keys of what it was before besides; undefined where it has them all. */
export function headerWithKeysOf(was: Uint8Array | undefined, there: Uint8Array | undefined): Uint8Array | undefined {
  const before = was === undefined ? undefined : parseLedgerHeader(was);
  if (before?.kind !== "ok") return undefined;
  const { repository, keys } = before.value;
  const now = there === undefined ? undefined : parseLedgerHeader(there);
  const known: LedgerHeader["keys"] = now?.kind === "ok" ? now.value.keys : new Map();
  if (now?.kind === "ok" && now.value.repository === repository && [...keys.keys()].every((id) => known.has(id)))
    return undefined;
  const all = [...new Map([...known, ...keys])].map(([keyId, pem]) => ({ keyId, pem }));
  return new TextEncoder().encode(ledgerHeader(repository, all));
}

function idOf(pem: string): string | undefined {
  try {
    return keyIdOf(pem);
  } catch {
    return undefined;
  }
}
