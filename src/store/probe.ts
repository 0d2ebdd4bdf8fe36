import { randomBytes } from "node:crypto";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";

import type { Bucket } from "./bucket.ts";

/** Writes something new where bytes are kept, reads it and takes it away; rejects where that does not go. */
export type Probe = () => Promise<void>;

/** So much that a full disk has no room for it. */
const BYTES = 4_096;

/** Asks a directory's disk. */
export function fileProbe(root: string): Probe {
  return async () => {
    await mkdir(root, { recursive: true });
    const { name, bytes } = fresh();
    const path = join(root, name);
    try {
      const file = await open(path, "wx+");
      try {
        await file.writeFile(bytes);
        await file.sync();
        const read = await file.read(Buffer.alloc(BYTES), 0, BYTES, 0);
        same(bytes, read.buffer);
      } finally {
        await file.close();
      }
    } finally {
      await rm(path, { force: true });
    }
  };
}

/** Asks a bucket. */
export function bucketProbe(bucket: Bucket): Probe {
  return async () => {
    const { name, bytes } = fresh();
    await bucket.put(name, bytes);
    const read = await bucket.get(name);
    await bucket.remove([name]);
    same(bytes, read);
  };
}

/** Known bytes would be answered from memory, or be there already. */
function fresh(): { readonly name: string; readonly bytes: Buffer } {
  return { name: `ready-${randomBytes(8).toString("hex")}`, bytes: randomBytes(BYTES) };
}

function same(written: Buffer, read: Uint8Array | undefined): void {
  if (read === undefined || !written.equals(read)) throw new Error("the store does not give back what was written");
}
