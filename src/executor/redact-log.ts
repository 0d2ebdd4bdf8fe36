import { closeSync, ftruncateSync, openSync, readSync, statSync, truncateSync, writeSync } from "node:fs";

import { formatLimit } from "../report/bytes.ts";
import { redactorOfBytes, type Redactor } from "../run/redact.ts";

/** A larger log is kept without its middle. */
const LARGEST = 64 << 20;
/** What is left of either end of such a log. */
const KEPT = 24 << 20;
const CHUNK = 1 << 20;

/**
 * Takes the values of secrets out of a log, and the middle out of a very large one, before anybody reads it. In place and
 * piece by piece: what a mask stands for is never shorter than the mask. A log that cannot be cleaned is emptied.
 */
export function redactLog(log: string, secrets: Readonly<Record<string, string>>): void {
  const { size } = statSync(log);
  const values = Object.values(secrets);
  if (size === 0 || (values.length === 0 && size <= LARGEST)) return;
  try {
    rewrite(log, size, values);
  } catch (error) {
    truncateSync(log);
    throw error;
  }
}

function rewrite(log: string, size: number, secrets: readonly string[]): void {
  const file = openSync(log, "r+");
  let written = 0;
  const write = (text: string): void => {
    const bytes = Buffer.from(text, "latin1");
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at, bytes.length - at, written + at);
    written += bytes.length;
  };
  try {
    const redactor = redactorOfBytes(secrets);
    if (size <= LARGEST) {
      pass(file, { from: 0, to: size }, redactor, write);
      write(redactor.end());
    } else {
      // What is kept back at the cut may be the beginning of a secret: it goes with the middle.
      pass(file, { from: 0, to: KEPT }, redactor, write);
      write(
        `\n[${formatLimit(size - 2 * KEPT)} of this log were left out here: it was larger than ${formatLimit(LARGEST)}]\n`,
      );
      const rest = redactorOfBytes(secrets, redactor.longest);
      pass(file, { from: size - KEPT - redactor.longest, to: size }, rest, write);
      write(rest.end());
    }
    ftruncateSync(file, written);
  } finally {
    closeSync(file);
  }
}

function pass(
  file: number,
  { from, to }: { readonly from: number; readonly to: number },
  redactor: Redactor,
  write: (text: string) => void,
): void {
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (let at = from; at < to;) {
    const read = readSync(file, buffer, 0, Math.min(CHUNK, to - at), at);
    if (read === 0) return;
    at += read;
    write(redactor.push(buffer.toString("latin1", 0, read)));
  }
}
