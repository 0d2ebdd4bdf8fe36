import { createHash, createPublicKey, verify } from "node:crypto";

/** A DSSE envelope (github.com/secure-systems-lab/dsse, v1) over a manifest's bytes. */
export interface Envelope {
  readonly payloadType: string;
  /** Base64 of the payload. */
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

export const PAYLOAD_TYPE = "application/vnd.in-toto+json";

/** Pre-authentication encoding: what is signed, so that type and payload cannot be exchanged. */
export function preAuthentication(payloadType: string, payload: Uint8Array): Uint8Array {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.byteLength} `;
  return Buffer.concat([Buffer.from(head, "utf8"), payload]);
}

export function renderEnvelope(
  payload: Uint8Array,
  signature: { readonly keyId: string; readonly bytes: Uint8Array },
): Uint8Array {
  const envelope: Envelope = {
    payloadType: PAYLOAD_TYPE,
    payload: Buffer.from(payload).toString("base64"),
    signatures: [{ keyid: signature.keyId, sig: Buffer.from(signature.bytes).toString("base64") }],
  };
  return new TextEncoder().encode(`${JSON.stringify(envelope)}\n`);
}

/** Names a public key: SHA-256 of its SPKI encoding, hex. */
export function keyIdOf(pem: string): string {
  const der = createPublicKey(pem).export({ type: "spki", format: "der" });
  return createHash("sha256").update(der).digest("hex");
}

export type SignatureCheck =
  | { readonly kind: "valid"; readonly keyId: string }
  | { readonly kind: "unknown-key"; readonly keyId: string }
  | { readonly kind: "invalid"; readonly why: string };

/** Checks an envelope against the manifest's own bytes and the known public keys (PEM by key id). */
export function checkEnvelope(
  envelope: Uint8Array,
  payload: Uint8Array,
  keys: ReadonlyMap<string, string>,
): SignatureCheck {
  let parsed: Envelope;
  try {
    parsed = JSON.parse(new TextDecoder().decode(envelope)) as Envelope;
  } catch {
    return { kind: "invalid", why: "the signature file is not JSON" };
  }
  const signature = parsed.signatures?.[0];
  if (signature === undefined) return { kind: "invalid", why: "the signature file holds no signature" };
  if (parsed.payload !== Buffer.from(payload).toString("base64"))
    return { kind: "invalid", why: "the signature is for other bytes than the manifest's" };
  const pem = keys.get(signature.keyid);
  if (pem === undefined) return { kind: "unknown-key", keyId: signature.keyid };
  const right = verify(
    null,
    preAuthentication(parsed.payloadType, payload),
    createPublicKey(pem),
    Buffer.from(signature.sig, "base64"),
  );
  return right
    ? { kind: "valid", keyId: signature.keyid }
    : { kind: "invalid", why: "the signature does not fit the bytes" };
}
