/** Signs bytes for DSSE envelopes (Ed25519); verification is pure and lives in manifest/. */
export interface Signer {
  /** SHA-256 of the public key in SPKI encoding, hex: names the key in an envelope. */
  readonly keyId: string;
  /** PEM (SPKI) of the public key. */
  readonly publicKey: string;
  sign(bytes: Uint8Array): Promise<Uint8Array>;
  /**
   * A Sigstore bundle over a payload, in the name of whom an OIDC token names; undefined where none could be had, which
   * people were told. Absent where the key alone signs.
   */
  readonly bundle?: (payload: Uint8Array, payloadType: string) => Promise<Uint8Array | undefined>;
}
