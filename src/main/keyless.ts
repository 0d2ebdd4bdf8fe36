import { refuseKeyless } from "../cli/refuse-keyless.ts";
import type { KeylessConfig } from "../config-keyless.ts";
import { keylessSigner, type Keyless } from "../signer/keyless-signer.ts";
import type { Signer } from "../signer/signer.ts";

/** A part of main.ts: the signer of an environment that may have an OIDC token. A token is used for nothing else. */
export function withBundles(signer: Signer, config: KeylessConfig, told: Pick<Keyless, "clock" | "tell">): Signer {
  const { wanted, token, tokenFile, runner, fulcio, rekor } = config;
  refuseKeyless(config);
  if (wanted === "off" || (wanted === undefined && !token)) return signer;
  // Whoever names both knows who reads them: a public Fulcio logs its certificates too.
  const publish = wanted === "on" || (fulcio !== undefined && rekor !== undefined);
  return keylessSigner(signer, { tokenFile, runner, fulcio, rekor, publish, ...told });
}
