import type { KeylessConfig } from "../config-keyless.ts";
import { keylessSigner, type Keyless } from "../signer/keyless-signer.ts";
import type { Signer } from "../signer/signer.ts";

/** A part of main.ts: the signer of an environment that may have an OIDC token. A token is used for nothing else. */
export function withBundles(
  signer: Signer,
  { wanted, token, tokenFile, fulcio, rekor }: KeylessConfig,
  tell: Keyless["tell"],
): Signer {
  if (wanted === "off" || (wanted === undefined && !token)) return signer;
  if (wanted !== undefined && wanted !== "on")
    throw new Error("SLUICE_KEYLESS must be on or off\n  next: SLUICE_KEYLESS=off signs with the key alone");
  // Whoever names a log knows who reads it.
  return keylessSigner(signer, { tokenFile, fulcio, rekor, publish: wanted === "on" || rekor !== undefined, tell });
}
