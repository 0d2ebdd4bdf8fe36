import { digestFromHex, hexOf, type Digest } from "../identity/identity.ts";
import type { StepResult } from "../key/key-document.ts";
import type { Bucket } from "./bucket.ts";
import { namesLost } from "./lost-bytes.ts";
import type { S3Bytes } from "./s3-bytes.ts";
import type { Store } from "./store.ts";

/** By this name it is remembered that somebody asked for bytes which nobody has, until they are there again. */
export function lostName(digest: Digest): string {
  return `lost/${hexOf(digest)}`;
}

/** As of a store in a directory: whether a result names bytes that somebody missed; undefined where nothing is missed. */
export async function s3LostBytes(
  bucket: Bucket,
  bytes: Pick<S3Bytes, "present">,
  listingOf: Store["listingSync"],
): Promise<((result: StepResult) => boolean) | undefined> {
  const lost = new Set<Digest>();
  for await (const { key } of bucket.list("lost/")) {
    const [hex] = /[0-9a-f]{64}$/.exec(key) ?? [];
    if (hex === undefined) continue;
    const digest = digestFromHex(hex);
    if (await bytes.present(digest)) await bucket.remove([key]);
    else lost.add(digest);
  }
  return lost.size === 0 ? undefined : (result) => namesLost(lost, result, listingOf);
}
