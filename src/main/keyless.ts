import { EXIT, Refusal } from "../cli/exit.ts";
import { addressFault, type KeylessConfig } from "../config-keyless.ts";
import { keylessSigner, type Keyless } from "../signer/keyless-signer.ts";
import type { Signer } from "../signer/signer.ts";

const ALONE = "SLUICE_KEYLESS=off signs with the key alone";

/** A part of main.ts: the signer of an environment that may have an OIDC token. A token is used for nothing else. */
export function withBundles(
  signer: Signer,
  { wanted, token, tokenFile, runner, fulcio, rekor }: KeylessConfig,
  { clock, tell }: Pick<Keyless, "clock" | "tell">,
): Signer {
  if (wanted === "off" || (wanted === undefined && !token)) return signer;
  if (wanted !== undefined && wanted !== "on")
    throw new Refusal(EXIT.usage, `SLUICE_KEYLESS must be on or off\n  next: ${ALONE}`);
  for (const [name, address] of [["SLUICE_FULCIO_URL", fulcio] as const, ["SLUICE_REKOR_URL", rekor] as const]) {
    const fault = address === undefined ? undefined : addressFault(address);
    if (fault !== undefined)
      throw new Refusal(EXIT.usage, `${name}: ${fault}\n  next: ${name}=https://sigstore.example.org, or ${ALONE}`);
  }
  // Whoever names both knows who reads them: a public Fulcio logs its certificates too.
  const publish = wanted === "on" || (fulcio !== undefined && rekor !== undefined);
  return keylessSigner(signer, { tokenFile, runner, fulcio, rekor, publish, clock, tell });
}
