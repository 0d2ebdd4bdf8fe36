import { parseDigest, type Digest } from "../identity/identity.ts";

/** A Git-LFS pointer file (git-lfs/docs/spec.md, version 1): the object's digest and size; undefined for other bytes. */
export function parseLfsPointer(bytes: Uint8Array): { readonly digest: Digest; readonly size: number } | undefined {
  if (bytes.byteLength < 100 || bytes.byteLength > 1024 || bytes[0] !== 0x76) return undefined;
  const text = new TextDecoder().decode(bytes);
  const match =
    /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n(?:ext-.*\n)*oid (sha256:[0-9a-f]{64})\nsize (\d+)\n$/.exec(
      text,
    );
  const digest = match?.[1] === undefined ? undefined : parseDigest(match[1]);
  return digest === undefined ? undefined : { digest, size: Number(match?.[2]) };
}
