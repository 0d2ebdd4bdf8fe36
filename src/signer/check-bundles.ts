import type { Verifier as Checker } from "@sigstore/verify";

import { listing, type BundleCheck, type BundleTrust, type CheckBundle, type Identity } from "../manifest/bundle.ts";
import { ok, refused, type Result } from "../result/result.ts";

/** Fulcio's name for the repository that a workflow ran for: a reusable one is named in its stead as the subject. */
const SOURCE_REPOSITORY = "1.3.6.1.4.1.57264.1.12";

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
  if (issuer === undefined || subject === undefined) return undefined;
  const source = identity?.oids?.find(({ oid }) => oid?.id.join(".") === SOURCE_REPOSITORY)?.value;
  const repository = source === undefined ? undefined : utf8Of(source);
  return { issuer, subject, ...(repository === undefined ? {} : { repository }) };
}

/** A UTF8String of DER; undefined: it is none. */
function utf8Of(der: Uint8Array): string | undefined {
  const [tag, short = 0] = der;
  // A length above 127 is said in as many bytes as the first one's lower bits tell.
  const start = 2 + (short > 0x80 ? short - 0x80 : 0);
  const length = short > 0x80 ? Number.parseInt(Buffer.from(der.subarray(2, start)).toString("hex"), 16) : short;
  if (tag !== 0x0c || start + length !== der.byteLength) return undefined;
  return new TextDecoder().decode(der.subarray(start));
}

/** Libraries say the general in the message and the particular in its cause. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
