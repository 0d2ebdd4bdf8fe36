import { spawn } from "node:child_process";

import { SETTINGS, type GitProcess } from "./git-process.ts";

/** Takes the bytes of the `at`-th name asked for; undefined when it is missing or no blob. */
export type TakeObject = (at: number, bytes: Uint8Array | undefined) => void;

/**
 * Reads many objects through one `git cat-file --batch` and hands each on as it comes, so that no more than
 * the largest is held. A name is anything git resolves, without a line feed in it.
 */
export function readObjects(git: GitProcess, names: readonly string[], take: TakeObject): Promise<void> {
  if (names.length === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const child = spawn(git.program, [...SETTINGS, "cat-file", "--batch"], {
      cwd: git.directory,
      env: git.env,
      stdio: ["pipe", "pipe", "pipe"],
    });
    let errors = "";
    const reader = batchReader(take);
    child.stdout.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        child.kill();
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString("utf8")));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0 && reader.count() === names.length) resolve();
      else
        reject(
          new Error(
            `git cat-file --batch in ${git.directory}: ${errors.trim() || `${reader.count()} of ${names.length} answers`}`,
          ),
        );
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(names.map((name) => `${name}\n`).join(""));
  });
}

/** Cuts the stream `<id> <type> <size>\n<bytes>\n` (or `<name> missing\n`) into answers. */
function batchReader(take: TakeObject): { readonly push: (chunk: Buffer) => void; readonly count: () => number } {
  let parts: Buffer[] = [];
  let held = 0;
  let awaited: { readonly size: number; readonly blob: boolean } | undefined;
  let count = 0;

  function push(chunk: Buffer): void {
    parts.push(chunk);
    held += chunk.length;
    if (awaited !== undefined && held <= awaited.size) return;
    const buffer = parts.length === 1 ? chunk : Buffer.concat(parts, held);
    const rest = cut(buffer);
    parts = rest.length === 0 ? [] : [rest];
    held = rest.length;
  }

  function cut(buffer: Buffer): Buffer {
    let from = 0;
    for (;;) {
      if (awaited === undefined) {
        const end = buffer.indexOf(10, from);
        if (end < 0) return buffer.subarray(from);
        const header = /^[0-9a-f]{40} (\w+) (\d+)$/.exec(buffer.toString("utf8", from, end));
        from = end + 1;
        if (header === null) take(count++, undefined);
        else awaited = { size: Number(header[2]), blob: header[1] === "blob" };
        continue;
      }
      if (buffer.length - from <= awaited.size) return buffer.subarray(from);
      take(count++, awaited.blob ? buffer.subarray(from, from + awaited.size) : undefined);
      from += awaited.size + 1;
      awaited = undefined;
    }
  }

  return { push, count: () => count };
}
