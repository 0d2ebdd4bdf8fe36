import { checkEnvelope } from "../manifest/dsse.ts";

/** Which of these keys signed exactly these bytes, or why none of them did. */
export function signedBy(
  { payload, envelope }: { readonly payload: Uint8Array; readonly envelope: Uint8Array | undefined },
  keys: ReadonlyMap<string, string>,
  type: string,
): { readonly kind: "valid"; readonly keyId: string } | { readonly kind: "refused"; readonly why: string } {
  if (envelope === undefined) return { kind: "refused", why: "it is not signed" };
  const checked = checkEnvelope(envelope, payload, keys, type);
  switch (checked.kind) {
    case "valid":
      return { kind: "valid", keyId: checked.keyId };
    case "unknown-key":
      return { kind: "refused", why: `it is signed by a key that is not ours (${checked.keyId.slice(0, 12)})` };
    case "invalid":
      return { kind: "refused", why: checked.why };
  }
}
