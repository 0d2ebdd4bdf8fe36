import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

import { redactorOfBytes } from "../run/redact.ts";

/** Reads a log while it is written, without the secrets that its step was given. */
export interface LogTail {
  /** What came since; at most so much at once, and nothing where the log cannot be read. */
  read(): string;
  /** All the rest, what was kept back as the possible beginning of a secret included. */
  end(): string;
}

const AT_ONCE = 256 << 10;
/** More than this of one attempt is not read along: the whole log is kept anyway. */
const MOST = 8 << 20;
const MORE = "\n[more was written than can be followed; the log that is kept has it]\n";

/** Opens nothing before the first read: what a step puts in the place of its log, a link or a pipe, is not read. */
export function logTail(path: string, secrets: readonly string[]): LogTail {
  const redactor = redactorOfBytes(secrets);
  const decoder = new TextDecoder();
  let at = 0;
  let over = false;

  function piece(): Buffer {
    let file: number;
    try {
      file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch {
      return Buffer.alloc(0);
    }
    try {
      const stat = fstatSync(file);
      if (!stat.isFile() || stat.nlink !== 1) return Buffer.alloc(0);
      // A step may cut its own log.
      at = Math.min(at, stat.size);
      const buffer = Buffer.alloc(Math.min(AT_ONCE, stat.size - at));
      return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, at));
    } finally {
      closeSync(file);
    }
  }

  function read(): string {
    if (over) return "";
    const bytes = piece();
    at += bytes.length;
    const text = decoder.decode(Buffer.from(redactor.push(bytes.toString("latin1")), "latin1"), { stream: true });
    over = at > MOST;
    return over ? text + MORE : text;
  }

  return {
    read,
    end() {
      if (over) return "";
      let text = "";
      for (let before = -1; before !== at && !over;) {
        before = at;
        text += read();
      }
      if (over) return text;
      over = true;
      return text + decoder.decode(Buffer.from(redactor.end(), "latin1"));
    },
  };
}
