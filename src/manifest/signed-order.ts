import { parseOrder, ORDER_TYPE, REQUEST_FILE, REQUEST_SIGNATURE, type RunOrder } from "../run/request.ts";
import { checkEnvelope } from "./dsse.ts";

/** Files of a commit that accepts a run. */
export const ORDER_FILES: readonly string[] = [REQUEST_FILE, REQUEST_SIGNATURE];

/** The order of an acceptance whose signature is ours: a ref that somebody else pushed decides nothing. */
export function signedOrder(
  files: ReadonlyMap<string, Uint8Array>,
  { keyId, publicKey }: { readonly keyId: string; readonly publicKey: string },
): RunOrder | undefined {
  const bytes = files.get(REQUEST_FILE);
  const envelope = files.get(REQUEST_SIGNATURE);
  if (bytes === undefined || envelope === undefined) return undefined;
  const checked = checkEnvelope(envelope, bytes, new Map([[keyId, publicKey]]), ORDER_TYPE);
  return checked.kind === "valid" ? parseOrder(bytes) : undefined;
}
