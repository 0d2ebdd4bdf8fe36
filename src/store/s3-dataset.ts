import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

import { atOnce } from "./at-once.ts";
import type { Bucket } from "./bucket.ts";
import { s3Bucket } from "./s3-bucket.ts";
import { isStatus, s3Client } from "./s3-client.ts";

const SIDE_BY_SIDE = 8;

/** Why nothing was fetched, and what to do. */
export interface Refusal {
  readonly why: string;
  readonly next: string;
}

/** `s3://bucket/key` is a file, `s3://bucket/prefix/` everything below it; credentials are the SDK's to find. */
export async function downloadFromS3(
  { uri, target, endpoint }: { readonly uri: string; readonly target: string; readonly endpoint: string | null },
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const [, name, key] = /^s3:\/\/([a-z0-9][a-z0-9.-]+)\/(.*)$/.exec(uri) ?? [];
  if (name === undefined || key === undefined)
    return { why: `\`${uri}\` is no address of a bucket`, next: "write `s3://bucket/key`, or `s3://bucket/prefix/`" };
  const access = { region: null, endpoint, pathStyle: null };
  const { sdk, client } = await s3Client(access);
  const bucket = s3Bucket(sdk, client, { kind: "s3", bucket: name, prefix: "", ...access });
  try {
    if (key !== "" && !key.endsWith("/")) return (await bucket.download(key, target, signal)) ? undefined : absent(uri);
    return await downloadBelow(bucket, { uri, key, target }, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && isStatus(error.cause, 404)) return absent(uri);
    return {
      why: error instanceof Error ? error.message : String(error),
      next: "check the address, the network, and the credentials (`aws sts get-caller-identity`)",
    };
  } finally {
    bucket.close();
  }
}

function absent(uri: string): Refusal {
  return { why: `there is nothing at ${uri}`, next: "correct the uri" };
}

async function downloadBelow(
  bucket: Bucket,
  { uri, key, target }: { readonly uri: string; readonly key: string; readonly target: string },
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const paths: string[] = [];
  for await (const listed of bucket.list(key)) {
    const path = listed.key.slice(key.length);
    // Consoles make an empty object of a folder.
    if (path === "" || path.endsWith("/")) continue;
    if (path.split("/").some((part) => part === "" || part === "." || part === ".."))
      return {
        why: `\`${listed.key}\` in ${uri} is no path of a file`,
        next: "rename it, or name a prefix without it",
      };
    paths.push(path);
  }
  if (paths.length === 0) return absent(uri);
  await atOnce(paths, SIDE_BY_SIDE, async (path) => {
    mkdirSync(dirname(`${target}/${path}`), { recursive: true });
    if (!(await bucket.download(`${key}${path}`, `${target}/${path}`, signal)))
      throw new Error(`${uri}${path} went while it was read`);
  });
  return undefined;
}
