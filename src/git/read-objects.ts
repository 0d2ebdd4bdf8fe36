import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";

import { batchReader } from "./batch-reader.ts";
import { SETTINGS, type GitProcess } from "./git-process.ts";

/** Takes the bytes of the `at`-th name asked for; undefined when it is missing or of another type. */
export type TakeObject = (at: number, bytes: Uint8Array | undefined) => void;

/** One `git cat-file --batch` that answers many questions; it does not keep this process alive while nobody asks. */
export interface ObjectReader {
  /**
   * Hands each object on as it comes, so that no more than the largest is held. A name is anything git resolves,
   * without a line feed in it.
   */
  read(names: readonly string[], take: TakeObject, type?: "blob" | "commit" | "tree"): Promise<void>;
  close(): void;
}

interface Request {
  readonly names: readonly string[];
  readonly take: TakeObject;
  readonly type: string;
  answered: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Reading {
  readonly git: GitProcess;
  readonly requests: Request[];
  child: ChildProcessWithoutNullStreams | undefined;
  errors: string;
}

export function objectReader(git: GitProcess): ObjectReader {
  const reading: Reading = { git, requests: [], child: undefined, errors: "" };
  return {
    read(names, take, type = "blob") {
      if (names.length === 0) return Promise.resolve();
      return new Promise((resolve, reject) => {
        reading.requests.push({ names, take, type, answered: 0, resolve, reject });
        const child = (reading.child ??= start(reading));
        hold(child);
        child.stdin.write(names.map((name) => `${name}\n`).join(""));
      });
    },
    close() {
      reading.child?.stdin.end();
    },
  };
}

/** Reads many objects through a process of their own. */
export async function readObjects(git: GitProcess, names: readonly string[], take: TakeObject): Promise<void> {
  const reader = objectReader(git);
  try {
    await reader.read(names, take);
  } finally {
    reader.close();
  }
}

function start(reading: Reading): ChildProcessWithoutNullStreams {
  const { git } = reading;
  const child = spawn(git.program, [...SETTINGS, "cat-file", "--batch"], {
    cwd: git.directory,
    env: git.env,
    stdio: ["pipe", "pipe", "pipe"],
  });
  reading.errors = "";
  const push = batchReader((type, bytes) => answer(reading, child, { type, bytes }));
  child.stdout.on("data", (chunk: Buffer) => {
    try {
      push(chunk);
    } catch (error) {
      fail(reading, child, error instanceof Error ? error : new Error(String(error)));
    }
  });
  child.stderr.on("data", (chunk: Buffer) => (reading.errors += chunk.toString("utf8")));
  child.stdin.on("error", () => undefined);
  child.on("error", (error) => fail(reading, child, error));
  child.on("close", () => {
    const [request] = reading.requests;
    const why = reading.errors.trim() || `${request?.answered ?? 0} of ${request?.names.length ?? 0} answers`;
    fail(reading, child, new Error(`git cat-file --batch in ${git.directory}: ${why}`));
  });
  return child;
}

function answer(
  { requests }: Reading,
  child: ChildProcessWithoutNullStreams,
  object: { readonly type: string | undefined; readonly bytes: Buffer | undefined },
): void {
  const [request] = requests;
  if (request === undefined) return;
  request.take(request.answered++, object.type === request.type ? object.bytes : undefined);
  if (request.answered < request.names.length) return;
  requests.shift();
  if (requests.length === 0) release(child);
  request.resolve();
}

/** Everybody who waits hears of it; the next question starts another process. */
function fail(reading: Reading, child: ChildProcessWithoutNullStreams, error: Error): void {
  if (reading.child !== child) return;
  reading.child = undefined;
  child.kill();
  for (const request of reading.requests.splice(0)) request.reject(error);
}

function handles(child: ChildProcessWithoutNullStreams): readonly object[] {
  return [child, child.stdin, child.stdout, child.stderr];
}

function hold(child: ChildProcessWithoutNullStreams): void {
  for (const handle of handles(child)) if ("ref" in handle && typeof handle.ref === "function") handle.ref();
}

function release(child: ChildProcessWithoutNullStreams): void {
  for (const handle of handles(child)) if ("unref" in handle && typeof handle.unref === "function") handle.unref();
}
