import { keyIdOf, publicKeyPem } from "../../manifest/dsse.ts";
import type { Operator } from "../../pipeline/operator.ts";
import type { Signer } from "../../signer/signer.ts";

export interface Signing {
  readonly signer: Pick<Signer, "publicKey">;
  readonly operator: Pick<Operator, "signingKeys">;
}

/** Keys whose word counts: the one in use, and those that the operator's file lists, retired or not. */
export function keysOf({ signer, operator }: Signing): ReadonlyMap<string, string> {
  return pemsOf(signer, operator.signingKeys);
}

/** Keys that may say something new: one that is retired vouches only for what it signed before. */
export function keysInUse({ signer, operator }: Signing): ReadonlyMap<string, string> {
  return pemsOf(
    signer,
    operator.signingKeys.filter(({ retired }) => !retired),
  );
}

function pemsOf(
  { publicKey }: Pick<Signer, "publicKey">,
  listed: Operator["signingKeys"],
): ReadonlyMap<string, string> {
  const pems = [publicKey, ...listed.flatMap((key) => publicKeyPem(key.public) ?? [])];
  return new Map(pems.map((pem) => [keyIdOf(pem), pem]));
}
