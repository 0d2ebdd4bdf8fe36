import { open, type FileHandle } from "node:fs/promises";

import { atOnce } from "./at-once.ts";
import { isStatus, type S3Place } from "./s3-client.ts";

const RANGE = 8 << 20;
const SIDE_BY_SIDE = 4;
/** The SDK repeats requests, and not what breaks in the middle of an answer. */
const TRIES = 4;

interface Target {
  readonly path: string;
  readonly signal: AbortSignal | undefined;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Writes an object into a new file: the first range tells how large it is, the others follow side by side, each tried again by itself. */
export async function downloadRanges(place: S3Place, key: string, { path, signal }: Target): Promise<boolean> {
  const file = await open(path, "wx");
  try {
    const first = await ranged(place, key, { from: 0, to: RANGE - 1 }, signal);
    if (first === undefined) return false;
    await writeAt(file, first.bytes, 0);
    const rest: Range[] = [];
    for (let from = first.bytes.byteLength; from < first.size; from += RANGE)
      rest.push({ from, to: Math.min(from + RANGE, first.size) - 1 });
    await atOnce(rest, SIDE_BY_SIDE, async (range) => {
      const part = await ranged(place, key, range, signal);
      if (part === undefined || part.etag !== first.etag) throw new Error("it was replaced while it was read");
      await writeAt(file, part.bytes, range.from);
    });
    return true;
  } finally {
    await file.close();
  }
}

interface Part {
  readonly bytes: Uint8Array;
  readonly size: number;
  readonly etag: string | undefined;
}

async function ranged(place: S3Place, key: string, range: Range, signal?: AbortSignal): Promise<Part | undefined> {
  const { sdk, client, bucket, full } = place;
  const order = { Bucket: bucket, Key: full(key), Range: `bytes=${range.from}-${range.to}` };
  for (let tried = 1; ; tried++) {
    try {
      const told = await client.send(
        new sdk.GetObjectCommand(order),
        signal === undefined ? {} : { abortSignal: signal },
      );
      const bytes = (await told.Body?.transformToByteArray()) ?? new Uint8Array();
      const size = Number(told.ContentRange?.split("/")[1] ?? bytes.byteLength);
      const wanted = Math.min(range.to + 1, size) - range.from;
      if (bytes.byteLength === Math.max(0, wanted)) return { bytes, size, etag: told.ETag };
      if (tried === TRIES) throw new Error(`${bytes.byteLength} bytes came where ${wanted} were asked for`);
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      // Of nothing no range can be given.
      if (isStatus(error, 416) && range.from === 0) return { bytes: new Uint8Array(), size: 0, etag: undefined };
      signal?.throwIfAborted();
      if (tried === TRIES || isStatus(error, 403)) throw error;
    }
  }
}

async function writeAt(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, at + done);
    done += bytesWritten;
  }
}
