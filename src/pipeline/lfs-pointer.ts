import { parseDigest, type Digest } from "../identity/identity.ts";

/** Bytes of the largest file that is a pointer. */
export const LARGEST_POINTER = 1024;

/** A Git-LFS pointer file (git-lfs/docs/spec.md, version 1): the object's digest and size; undefined for other bytes. */
export function parseLfsPointer(bytes: Uint8Array): { readonly digest: Digest; readonly size: number } | undefined {
  if (bytes.byteLength < 100 || bytes.byteLength > LARGEST_POINTER || bytes[0] !== 0x76) return undefined;
  const text = new TextDecoder().decode(bytes);
  const match =
    /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n(?:ext-.*\n)*oid (sha256:[0-9a-f]{64})\nsize (\d+)\n$/.exec(
      text,
    );
  const digest = match?.[1] === undefined ? undefined : parseDigest(match[1]);
  return digest === undefined ? undefined : { digest, size: Number(match?.[2]) };
}

/** Whether this is a file of git attributes. */
export function isAttributes(path: string): boolean {
  return path === ".gitattributes" || path.endsWith("/.gitattributes");
}

/** Whether attributes hand files to Git LFS. */
export function namesLfs(attributes: Uint8Array): boolean {
  return new TextDecoder().decode(attributes).includes("filter=lfs");
}
