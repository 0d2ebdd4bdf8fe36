import type { Digest } from "../identity/identity.ts";

/** Bytes that were hashed a moment ago and are likely to be read next: outputs of one step are inputs of another. */
export interface RecentBytes {
  keep(digest: Digest, bytes: Uint8Array): void;
  get(digest: Digest): Uint8Array | undefined;
}

/** Larger files are not kept, nor more than this in all. */
const LARGEST = 65_536;
const ALL = 16 << 20;

export function recentBytes(): RecentBytes {
  const kept = new Map<Digest, Uint8Array>();
  let size = 0;
  return {
    keep(digest, bytes) {
      if (bytes.byteLength > LARGEST || kept.has(digest)) return;
      kept.set(digest, bytes);
      size += bytes.byteLength;
      for (const [oldest, { byteLength }] of kept) {
        if (size <= ALL) return;
        kept.delete(oldest);
        size -= byteLength;
      }
    },
    get: (digest) => kept.get(digest),
  };
}
