import { ok, refused, type Result } from "../result/result.ts";
import { keyIdOf } from "./dsse.ts";
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

function idOf(pem: string): string | undefined {
  try {
    return keyIdOf(pem);
  } catch {
    return undefined;
  }
}
