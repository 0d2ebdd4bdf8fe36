import { hash } from "node:crypto";

import { canonicalJson, type Json } from "./canonical-json.ts";

declare const brand: unique symbol;
/** A value that only its parser may make, so that two kinds of string are never mixed up. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };

/** SHA-256 in the form `sha256:<64 lower-case hex>`. */
export type Digest = Brand<string, "Digest">;
/** A git commit id, 40 lower-case hex. */
export type CommitSha = Brand<string, "CommitSha">;
/** A git blob id, 40 lower-case hex. */
export type BlobId = Brand<string, "BlobId">;
/** A run's id: 26 characters of lower-case Crockford base32 (SEMANTICS §6). */
export type RunId = Brand<string, "RunId">;
/** Who may read a result (SEMANTICS §4). */
export type Domain = "main" | "pr" | "local" | `fork/${number}`;

/** Whether a domain is a fork's: what it names is strangers' work. */
export function isOfFork(domain: string): boolean {
  return domain.startsWith("fork/");
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const SHA1 = /^[0-9a-f]{40}$/;
const RUN_ID = /^[0-9a-hjkmnp-tv-z]{26}$/;

export function parseDigest(text: string): Digest | undefined {
  return DIGEST.test(text) ? (text as Digest) : undefined;
}

export function parseCommitSha(text: string): CommitSha | undefined {
  return SHA1.test(text) ? (text as CommitSha) : undefined;
}

export function parseBlobId(text: string): BlobId | undefined {
  return SHA1.test(text) ? (text as BlobId) : undefined;
}

export function parseRunId(text: string): RunId | undefined {
  return RUN_ID.test(text) ? (text as RunId) : undefined;
}

/** SHA-256 of bytes; a string is hashed as UTF-8. */
export function digestOf(bytes: string | Uint8Array): Digest {
  return `sha256:${hash("sha256", bytes, "hex")}` as Digest;
}

/** SHA-256 of the canonical JSON (RFC 8785) of a value. */
export function digestOfJson(value: Json): Digest {
  return digestOf(canonicalJson(value));
}

/** Digest of a symbolic link: of where it leads, as written. */
export function linkDigest(target: string): Digest {
  return digestOfJson({ link: target });
}

/** The 64 hex characters of a digest, as paths in stores and ledgers use them. */
export function hexOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}

/** The digest for 64 hex characters that a hash function has just produced. */
export function digestFromHex(hex: string): Digest {
  return `sha256:${hex}` as Digest;
}

const CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz";

/** Lower-case Crockford base32, most significant bit first. */
function crockford(bytes: Uint8Array, characters: number): string {
  let text = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5 && text.length < characters) {
      bits -= 5;
      text += CROCKFORD[(buffer >> bits) & 31];
    }
    buffer &= (1 << bits) - 1;
  }
  return text;
}

/**
 * The id of one run: asking the same thing twice is one run (SEMANTICS §6).
 * `request` is for example `push:main`, `cli:<ulid>` or `local:<ulid>`.
 */
export function runIdOf(repository: string, pipeline: string, source: CommitSha, request: string): RunId {
  return runIdFrom(digestOfJson([repository, pipeline, source, request]));
}

/** The id of the run whose request has this digest. */
export function runIdFrom(request: Digest): RunId {
  return crockford(Buffer.from(hexOf(request), "hex"), 26) as RunId;
}

/**
 * A ULID (10 characters of milliseconds, 16 of 80 random bits), lower-case, from values
 * that come in, because the ground has neither clock nor chance.
 */
export function ulidOf(milliseconds: number, random: Uint8Array): string {
  let time = "";
  let rest = milliseconds;
  for (let i = 0; i < 10; i++) {
    time = `${CROCKFORD[rest % 32]}${time}`;
    rest = Math.floor(rest / 32);
  }
  return time + crockford(random, 16);
}
