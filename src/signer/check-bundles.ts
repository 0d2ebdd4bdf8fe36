import type { Verifier as Checker } from "@sigstore/verify";

import { listing, type BundleCheck, type BundleTrust, type CheckBundle, type Identity } from "../manifest/bundle.ts";
import { ok, refused, type Result } from "../result/result.ts";

/** What checks Sigstore bundles by a trusted root and a list of people and workflows, offline; refused: the root is none. */
export async function checkBundles({ identities, root }: BundleTrust): Promise<Result<CheckBundle, string>> {
  const [{ bundleFromJSON, isBundleWithDsseEnvelope }, { toSignedEntity, toTrustMaterial, Verifier }, { TrustedRoot }] =
    await Promise.all([import("@sigstore/bundle"), import("@sigstore/verify"), import("@sigstore/protobuf-specs")]);
  let verifier: Checker;
  try {
    const read = TrustedRoot.fromJSON(JSON.parse(root));
    if (read.certificateAuthorities.length === 0 || read.tlogs.length === 0)
      return refused("it names no certificate authority, or no log");
    verifier = new Verifier(toTrustMaterial(read));
  } catch (error) {
    return refused(wordsOf(error));
  }
  const isListed = listing(identities);
  return ok((bytes, payload, payloadType): BundleCheck => {
    try {
      const bundle = bundleFromJSON(JSON.parse(new TextDecoder().decode(bytes)));
      if (!isBundleWithDsseEnvelope(bundle)) return invalid("it is not over a DSSE envelope");
      const { dsseEnvelope } = bundle.content;
      if (dsseEnvelope.payloadType !== payloadType) return invalid("it is for another kind of record");
      if (Buffer.compare(dsseEnvelope.payload, payload) !== 0) return invalid("it is for other bytes than these");
      const identity = identityOf(verifier.verify(toSignedEntity(bundle)));
      if (identity === undefined) return invalid("its certificate names nobody");
      return { kind: isListed(identity) ? "valid" : "stranger", identity };
    } catch (error) {
      return invalid(wordsOf(error));
    }
  });
}

function invalid(why: string): BundleCheck {
  return { kind: "invalid", why };
}

/** A bundle by a key alone has no certificate: that kind of signature stands beside it. */
function identityOf({ identity }: ReturnType<Checker["verify"]>): Identity | undefined {
  const issuer = identity?.extensions?.issuer;
  const subject = identity?.subjectAlternativeName;
  return issuer === undefined || subject === undefined ? undefined : { issuer, subject };
}

/** Libraries say the general in the message and the particular in its cause. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
