import { closeSync, createReadStream, createWriteStream, fstatSync, openSync, readSync, rmSync } from "node:fs";
import { promisify } from "node:util";
import { createGzip, gunzip } from "node:zlib";

/** A shorter log does not become smaller. */
const WORTH_IT = 1_024;
const MAGIC = Buffer.from([0x1f, 0x8b]);

/** Hands on the file that is kept of a log: compressed, unless it is too short to become smaller. */
export async function keptLog<Kept>(log: string, keep: (path: string) => Promise<Kept>): Promise<Kept> {
  if (!isWorthIt(log)) return keep(log);
  const { pipeline } = await import("node:stream/promises");
  const packed = `${log}.gz`;
  rmSync(packed, { recursive: true, force: true });
  try {
    await pipeline(createReadStream(log), createGzip(), createWriteStream(packed, { flags: "wx", mode: 0o600 }));
    return await keep(packed);
  } finally {
    rmSync(packed, { force: true });
  }
}

/** What looks as if it were compressed is compressed, so that reading it gives it back as it was. */
function isWorthIt(log: string): boolean {
  const file = openSync(log, "r");
  try {
    const begins = Buffer.alloc(MAGIC.length);
    return fstatSync(file).size >= WORTH_IT || (readSync(file, begins) === begins.length && begins.equals(MAGIC));
  } finally {
    closeSync(file);
  }
}

/** A log as its step wrote it, from what is kept of it. */
export async function plainLog(kept: Uint8Array): Promise<Uint8Array> {
  return MAGIC.equals(kept.subarray(0, MAGIC.length)) ? promisify(gunzip)(kept) : kept;
}
