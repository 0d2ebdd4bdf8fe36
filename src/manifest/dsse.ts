import { createHash, createPublicKey, verify, type KeyObject } from "node:crypto";

import { isObject } from "./shape.ts";

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
  payloadType: string = PAYLOAD_TYPE,
): Uint8Array {
  const envelope: Envelope = {
    payloadType,
    payload: Buffer.from(payload).toString("base64"),
    signatures: [{ keyid: signature.keyId, sig: Buffer.from(signature.bytes).toString("base64") }],
  };
  return new TextEncoder().encode(`${JSON.stringify(envelope)}\n`);
}

/** An envelope with one signature more over the same payload; bytes that are none stay as they are. */
export function countersigned(
  envelope: Uint8Array,
  signature: { readonly keyId: string; readonly bytes: Uint8Array },
): Uint8Array {
  const parsed = parseEnvelope(envelope);
  if (typeof parsed === "string") return envelope;
  const added = { keyid: signature.keyId, sig: Buffer.from(signature.bytes).toString("base64") };
  return new TextEncoder().encode(`${JSON.stringify({ ...parsed, signatures: [...parsed.signatures, added] })}\n`);
}

/** Names a public key: SHA-256 of its SPKI encoding, hex. */
export function keyIdOf(pem: string): string {
  const der = createPublicKey(pem).export({ type: "spki", format: "der" });
  return createHash("sha256").update(der).digest("hex");
}

/** What comes before the 32 bytes of an Ed25519 public key in SPKI (RFC 8410). */
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

/** PEM of a public key that a person wrote as base64, raw or in SPKI; undefined for what is none. */
export function publicKeyPem(base64: string): string | undefined {
  const bytes = Buffer.from(base64, "base64");
  const der = bytes.byteLength === 32 ? Buffer.concat([SPKI, bytes]) : bytes;
  try {
    const key = createPublicKey({ key: der, format: "der", type: "spki" });
    return key.asymmetricKeyType === "ed25519" ? key.export({ type: "spki", format: "pem" }).toString() : undefined;
  } catch {
    return undefined;
  }
}

export type SignatureCheck =
  | { readonly kind: "valid"; readonly keyId: string }
  | { readonly kind: "unknown-key"; readonly keyId: string }
  | { readonly kind: "invalid"; readonly why: string };

/**
 * Checks an envelope, whatever it holds, against the manifest's own bytes and the known public keys (PEM by key id).
 * One right signature of a known key is enough; one wrong signature of a known key is too much.
 */
export function checkEnvelope(
  envelope: Uint8Array,
  payload: Uint8Array,
  keys: ReadonlyMap<string, string>,
  payloadType: string = PAYLOAD_TYPE,
): SignatureCheck {
  const parsed = parseEnvelope(envelope);
  if (typeof parsed === "string") return { kind: "invalid", why: parsed };
  if (parsed.payloadType !== payloadType)
    return {
      kind: "invalid",
      why: `the signature is for the type ${JSON.stringify(parsed.payloadType.slice(0, 80))}, not for a ${payloadType === PAYLOAD_TYPE ? "manifest" : "request"}`,
    };
  if (!spells(parsed.payload, payload)) return { kind: "invalid", why: "the signature is for other bytes than these" };
  const encoded = preAuthentication(payloadType, payload);
  let valid: string | undefined;
  for (const { keyid, sig } of parsed.signatures) {
    const pem = keys.get(keyid);
    if (pem === undefined) continue;
    const key = ed25519Of(pem);
    if (key === undefined) return { kind: "invalid", why: `key ${keyid.slice(0, 12)} is no Ed25519 public key` };
    if (!verify(null, encoded, key, Buffer.from(sig, "base64")))
      return { kind: "invalid", why: "the signature does not fit the bytes" };
    valid ??= keyid;
  }
  return valid === undefined
    ? { kind: "unknown-key", keyId: parsed.signatures[0]?.keyid ?? "" }
    : { kind: "valid", keyId: valid };
}

/** Whether base64, in either alphabet, is of these bytes. */
function spells(base64: string, bytes: Uint8Array): boolean {
  return Buffer.compare(Buffer.from(base64, "base64"), bytes) === 0;
}

const decoder = new TextDecoder();

/** The envelope, or why it is none. */
function parseEnvelope(bytes: Uint8Array): Envelope | string {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch {
    return "the signature file is not JSON";
  }
  if (!isObject(value)) return "the signature file is no envelope";
  const { payloadType, payload, signatures } = value;
  if (typeof payloadType !== "string" || typeof payload !== "string" || !Array.isArray(signatures))
    return "the signature file is no envelope";
  if (signatures.length === 0) return "the signature file holds no signature";
  const read = signatures.flatMap((signature: unknown) => {
    if (!isObject(signature) || typeof signature["sig"] !== "string") return [];
    return [{ keyid: typeof signature["keyid"] === "string" ? signature["keyid"] : "", sig: signature["sig"] }];
  });
  return read.length === signatures.length
    ? { payloadType, payload, signatures: read }
    : "the signature file is no envelope";
}

const KEYS = 64;
const parsedKeys = new Map<string, KeyObject | undefined>();

/** Parsing a key costs more than a verification, and a ledger has few. */
function ed25519Of(pem: string): KeyObject | undefined {
  if (parsedKeys.has(pem)) return parsedKeys.get(pem);
  if (parsedKeys.size >= KEYS) parsedKeys.clear();
  const key = parseKey(pem);
  parsedKeys.set(pem, key);
  return key;
}

function parseKey(pem: string): KeyObject | undefined {
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === "ed25519" ? key : undefined;
  } catch {
    return undefined;
  }
}
