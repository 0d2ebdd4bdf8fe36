import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

import { isCode } from "./objects.ts";

/** The last bytes of a file, of which no more is read; undefined where there is none, or something else stands there. */
export function readTail(path: string, bytes: number): Buffer | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isCode(error, "ENOENT") || isCode(error, "ELOOP")) return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return undefined;
    const buffer = Buffer.alloc(Math.min(stat.size, bytes));
    return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, stat.size - buffer.length));
  } finally {
    closeSync(file);
  }
}
