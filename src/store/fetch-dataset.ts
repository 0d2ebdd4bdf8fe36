import { existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Digest } from "../identity/identity.ts";
import { directoryDigest, type ListingEntry } from "../key/key-document.ts";
import { ok, refused, type Result } from "../result/result.ts";
import type { FileDigests } from "./file-digests.ts";
import { hashFile, walk } from "./hash.ts";
import type { Refusal } from "./s3-dataset.ts";

export interface FetchPlaces {
  /** Absolute; paths of datasets are below it. */
  readonly root: string;
  readonly digests: Pick<FileDigests, "remember">;
  /** Where buckets are that are not Amazon's (`AWS_ENDPOINT_URL_S3`). */
  readonly s3Endpoint: string | null;
}

export interface FetchedBytes {
  readonly digest: Digest;
  readonly size: number;
  readonly files: number;
}

/** Brings a pinned dataset to its place from `file:`, `https:` or `s3:`; nothing that stands there is touched. */
export async function fetchDataset(
  places: FetchPlaces,
  wanted: { readonly path: string; readonly uri: string; readonly digest: Digest | null },
  signal: AbortSignal,
): Promise<Result<FetchedBytes, Refusal>> {
  const target = join(places.root, wanted.path);
  if (existsSync(target))
    return refused({ why: `something stands at \`${wanted.path}\` already`, next: "move it away" });
  mkdirSync(dirname(target), { recursive: true });
  const temporary = `${target}.sluice-${process.pid}`;
  try {
    const failure = await download(places, { uri: wanted.uri, target: temporary }, signal);
    if (failure !== undefined) return refused(failure);
    const { found, files } = await hashAll(temporary, signal);
    if (wanted.digest !== null && found.digest !== wanted.digest) {
      return refused({
        why: `${wanted.uri} gives other bytes than the pin says`,
        next: "correct the uri, or update the pin",
      });
    }
    renameSync(temporary, target);
    for (const [path, digest] of files) places.digests.remember(`${target}${path}`, digest);
    return ok(found);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

interface Hashed {
  readonly found: FetchedBytes;
  /** By path below what was fetched. */
  readonly files: readonly (readonly [path: string, digest: Digest])[];
}

async function hashAll(path: string, signal: AbortSignal): Promise<Hashed> {
  if (!statSync(path).isDirectory()) {
    const { digest, size } = await hashFile(path, signal);
    return { found: { digest, size, files: 1 }, files: [["", digest]] };
  }
  const entries: (ListingEntry & { readonly digest: Digest; readonly size: number })[] = [];
  for (const { path: inner } of walk(path)) {
    const { digest, size } = await hashFile(`${path}/${inner}`, signal);
    entries.push({ path: inner, x: false, digest, size });
  }
  const size = entries.reduce((sum, entry) => sum + entry.size, 0);
  return {
    found: { digest: directoryDigest(entries), size, files: entries.length },
    files: entries.map((entry) => [`/${entry.path}`, entry.digest] as const),
  };
}

interface Download {
  readonly uri: string;
  readonly target: string;
}

async function download(
  places: FetchPlaces,
  { uri, target }: Download,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  if (uri.startsWith("file:")) {
    const source = fileURLToPath(uri);
    if (!existsSync(source) || !statSync(source).isFile())
      return { why: `there is no file ${source}`, next: "correct the uri" };
    const { copyFile } = await import("node:fs/promises");
    await copyFile(source, target);
    return undefined;
  }
  if (uri.startsWith("s3:")) {
    const { downloadFromS3 } = await import("./s3-dataset.ts");
    return downloadFromS3({ uri, target, endpoint: places.s3Endpoint }, signal);
  }
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  const loopback = url?.hostname === "127.0.0.1" || url?.hostname === "localhost" || url?.hostname === "[::1]";
  if (url === undefined || !(url.protocol === "https:" || (url.protocol === "http:" && loopback)))
    return { why: `\`${uri}\` cannot be fetched in this version`, next: "use a `file:`, `https:` or `s3:` address" };
  return downloadByHttp(url, target, signal);
}

async function downloadByHttp(url: URL, target: string, signal: AbortSignal): Promise<Refusal | undefined> {
  const { Writable } = await import("node:stream");
  const { createWriteStream } = await import("node:fs");
  let answer: Response;
  try {
    answer = await fetch(url, { signal, redirect: "follow" });
  } catch (error) {
    return {
      why: `${url.origin} does not answer (${error instanceof Error ? error.message : String(error)})`,
      next: "try again later",
    };
  }
  if (!answer.ok || answer.body === null)
    return { why: `${url.origin} answers ${answer.status}`, next: "check the address and its rights" };
  await answer.body.pipeTo(Writable.toWeb(createWriteStream(target)) as WritableStream, { signal });
  return undefined;
}
