import { digestFromHex, hexOf, type Digest } from "../identity/identity.ts";
import type { StepResult } from "../key/key-document.ts";
import { atOnce } from "./at-once.ts";
import type { Bucket } from "./bucket.ts";
import { namingLost } from "./lost-bytes.ts";
import type { S3Bytes } from "./s3-bytes.ts";
import type { Store } from "./store.ts";

const NOTHING = new Uint8Array();
const SIDE_BY_SIDE = 16;

/** By this name it is remembered that somebody asked for bytes which nobody has, until they are there again. */
function lostName(digest: Digest): string {
  return `lost/${hexOf(digest)}`;
}

/** Remembers it where it can; whoever asks next finds the bytes missing too. */
export async function markLostIn(bucket: Bucket, digest: Digest): Promise<void> {
  await bucket.put(lostName(digest), NOTHING).catch(() => undefined);
}

/** As of a store in a directory: whether a result names bytes that somebody missed; undefined where nothing is missed. */
export async function s3LostBytes(
  bucket: Bucket,
  bytes: Pick<S3Bytes, "present">,
  listingOf: Store["listingSync"],
): Promise<((result: StepResult) => boolean) | undefined> {
  const marked: Digest[] = [];
  for await (const { key } of bucket.list("lost/")) {
    const [hex] = /[0-9a-f]{64}$/.exec(key) ?? [];
    if (hex !== undefined) marked.push(digestFromHex(hex));
  }
  const lost = new Set<Digest>();
  await atOnce(marked, SIDE_BY_SIDE, async (digest) => {
    if (!(await bytes.present(digest))) lost.add(digest);
    // With leave to read alone the mark stays, and means nothing while the bytes are there.
    else await bucket.remove([lostName(digest)]).catch(() => undefined);
  });
  return namingLost(lost, listingOf);
}
