import { createReadStream, statSync } from "node:fs";

import type { S3Client } from "@aws-sdk/client-s3";

import type { OperatorStore } from "../pipeline/operator.ts";
import type { Bucket, Listed } from "./bucket.ts";
import { downloadRanges } from "./s3-download.ts";
import { failed, isStatus, s3Client, type S3Place, type S3Sdk } from "./s3-client.ts";

type S3Address = Extract<OperatorStore, { kind: "s3" }>;

export type OpenedBucket =
  | { readonly kind: "opened"; readonly bucket: Bucket }
  | {
      readonly kind: "refused";
      /** `usage`: it is not there; `forbidden`: not for us; `later`: it cannot be asked. */
      readonly reason: "usage" | "forbidden" | "later";
      readonly why: string;
      readonly next: string;
    };

/** Parts of uploads; files up to this size go in one. */
const PART = 8 << 20;

/** A bucket by the AWS SDK, after it was asked once whether it is there for us. */
export async function openS3Bucket(address: S3Address): Promise<OpenedBucket> {
  const { sdk, client } = await s3Client(address);
  const bucket = s3Bucket(sdk, client, address);
  try {
    // Credentials need not reach further than the prefix.
    const Prefix = `${prefixOf(address)}collected`;
    await client.send(new sdk.ListObjectsV2Command({ Bucket: address.bucket, Prefix, MaxKeys: 1 }));
    return { kind: "opened", bucket };
  } catch (error) {
    client.destroy();
    const missing = isStatus(error, 404);
    return {
      kind: "refused",
      reason: missing ? "usage" : isStatus(error, 403) ? "forbidden" : "later",
      why: `the store ${bucket.name}: ${missing ? "there is no such bucket" : failed(error)}`,
      next: missing
        ? `aws s3 mb s3://${address.bucket}`
        : "check the address, the network, and the credentials (`aws sts get-caller-identity`)",
    };
  }
}

function prefixOf({ prefix }: S3Address): string {
  return prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
}

export function s3Bucket(sdk: S3Sdk, client: S3Client, address: S3Address): Bucket {
  const prefix = prefixOf(address);
  const full = (key: string): string => `${prefix}${key}`;
  const place: S3Place = { sdk, client, bucket: address.bucket, full };
  const name = `s3://${address.bucket}/${prefix}`;
  const said = <T>(what: string, key: string, does: Promise<T>): Promise<T> => named(`${what} ${name}${key}`, does);
  return {
    name,
    head: (key) => said("looking at", key, head(place, key)),
    get: (key) => said("reading", key, get(place, key)),
    tail: (key, bytes) => said("reading the end of", key, tail(place, key, bytes)),
    download: (key, path, signal) => said("reading", key, downloadRanges(place, key, { path, signal })),
    put: (key, bytes) => said("writing", key, put(place, key, bytes)),
    upload: (key, path) => said("writing", key, upload(place, key, path)),
    create: (key, bytes) => said("writing", key, create(place, key, bytes)),
    copy: (from, to) => said("copying", from, copy(place, from, to)),
    list: (below) => list(place, below, name),
    remove: (keys) => said("removing", keys[0] ?? "", remove(place, keys)),
    abandonUploads: (before) => said("ending uploads of", "", abandonUploads(place, before)),
    close: () => client.destroy(),
  };
}

/** What fails is named, and nothing of the request stands in what is said of it. */
async function named<T>(what: string, does: Promise<T>): Promise<T> {
  try {
    return await does;
  } catch (error) {
    throw new Error(`${what}: ${failed(error)}`, { cause: error });
  }
}

async function head(place: S3Place, key: string): ReturnType<Bucket["head"]> {
  const { sdk, client, bucket, full } = place;
  try {
    const told = await client.send(new sdk.HeadObjectCommand({ Bucket: bucket, Key: full(key) }));
    return { size: told.ContentLength ?? 0, modified: told.LastModified?.getTime() ?? 0 };
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

async function get({ sdk, client, bucket, full }: S3Place, key: string): Promise<Uint8Array | undefined> {
  try {
    const told = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: full(key) }));
    return await told.Body?.transformToByteArray();
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

/** By a range that is counted from the beginning: some servers misread one that is counted from the end. */
async function tail(place: S3Place, key: string, bytes: number): Promise<Uint8Array | undefined> {
  const there = await head(place, key);
  if (there === undefined) return undefined;
  if (there.size === 0) return new Uint8Array();
  const Range = `bytes=${Math.max(0, there.size - bytes)}-${there.size - 1}`;
  const { sdk, client, bucket, full } = place;
  const told = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: full(key), Range }));
  return told.Body?.transformToByteArray();
}

async function put({ sdk, client, bucket, full }: S3Place, key: string, bytes: Uint8Array): Promise<void> {
  await client.send(new sdk.PutObjectCommand({ Bucket: bucket, Key: full(key), Body: bytes }));
}

async function upload(place: S3Place, key: string, path: string): Promise<void> {
  const { client, bucket, full } = place;
  const { size } = statSync(path);
  const { Upload } = await import("@aws-sdk/lib-storage");
  const Body = createReadStream(path, { highWaterMark: 1 << 20 });
  // As many parts as the protocol allows are enough for any file.
  const partSize = Math.max(PART, Math.ceil(size / 9_000));
  const params = { Bucket: bucket, Key: full(key), Body, ContentLength: size };
  await new Upload({ client, params, partSize, queueSize: 4 }).done();
}

async function create(place: S3Place, key: string, bytes: Uint8Array): ReturnType<Bucket["create"]> {
  const { sdk, client, bucket, full } = place;
  const order = { Bucket: bucket, Key: full(key), Body: bytes, IfNoneMatch: "*" };
  try {
    await client.send(new sdk.PutObjectCommand(order));
    return "created";
  } catch (error) {
    if (isStatus(error, 412)) return "exists";
    // Somebody else is creating it at this moment.
    if (isStatus(error, 409)) return "unsure";
    if (isStatus(error, 501)) return "unable";
    throw error;
  }
}

async function copy({ sdk, client, bucket, full }: S3Place, from: string, to: string): Promise<void> {
  const CopySource = `${bucket}/${full(from).split("/").map(encodeURIComponent).join("/")}`;
  const order = { Bucket: bucket, Key: full(to), CopySource, MetadataDirective: "REPLACE" } as const;
  await client.send(new sdk.CopyObjectCommand(order));
}

async function* list({ sdk, client, bucket, full }: S3Place, prefix: string, name: string): AsyncGenerator<Listed> {
  const cut = full("").length;
  for (let ContinuationToken: string | undefined; ;) {
    const order = { Bucket: bucket, Prefix: full(prefix), ContinuationToken };
    const page = await named(`listing ${name}${prefix}`, client.send(new sdk.ListObjectsV2Command(order)));
    for (const { Key, Size, LastModified } of page.Contents ?? [])
      if (Key !== undefined)
        yield { key: Key.slice(cut), size: Size ?? 0, modified: LastModified?.getTime() ?? Number.POSITIVE_INFINITY };
    if (page.IsTruncated !== true || page.NextContinuationToken === undefined) return;
    ContinuationToken = page.NextContinuationToken;
  }
}

async function remove({ sdk, client, bucket, full }: S3Place, keys: readonly string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += 1_000) {
    const Objects = keys.slice(at, at + 1_000).map((key) => ({ Key: full(key) }));
    const told = await client.send(new sdk.DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }));
    const kept = told.Errors?.[0];
    if (kept !== undefined) throw new Error(`${kept.Key ?? ""} stays: ${kept.Code ?? ""} ${kept.Message ?? ""}`);
  }
}

async function abandonUploads({ sdk, client, bucket, full }: S3Place, before: number): Promise<void> {
  try {
    const told = await client.send(new sdk.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: full("") }));
    for (const { Key, UploadId, Initiated } of told.Uploads ?? [])
      if (Key !== undefined && (Initiated?.getTime() ?? before) < before)
        await client.send(new sdk.AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }));
  } catch (error) {
    if (!isStatus(error, 501)) throw error;
  }
}
