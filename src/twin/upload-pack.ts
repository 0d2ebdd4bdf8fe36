import { spawn, type ChildProcessByStdio } from "node:child_process";
import { stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { createGunzip } from "node:zlib";

/** Of whoever runs this, git's server is told nothing. */
export const SERVER_ENV = {
  PATH: process.env["PATH"] ?? "/usr/bin:/bin",
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
};

const V2 = "version=2";

/**
 * Answers whoever reads in the second version of git's protocol, which is all that is ever asked here but pushes, by
 * `git upload-pack` itself: `git http-backend` would start it as its grandchild. False: the request is another one.
 */
export async function uploadPack(
  request: IncomingMessage,
  response: ServerResponse,
  call: { readonly root: string; readonly path: string; readonly query: string },
): Promise<boolean> {
  const [, repository = "", what] = /^(\/.+\.git)\/(info\/refs|git-upload-pack)$/.exec(call.path) ?? [];
  const wanted = what === "info/refs" ? call.query === "service=git-upload-pack" : what !== undefined;
  if (!wanted || request.headers["git-protocol"] !== V2) return false;
  const directory = join(call.root, repository);
  response.setHeader("cache-control", "no-cache, max-age=0, must-revalidate");
  if (what === "info/refs") {
    request.resume();
    response.setHeader("content-type", "application/x-git-upload-pack-advertisement");
    response.end(await capabilities(directory));
    return true;
  }
  response.setHeader("content-type", "application/x-git-upload-pack-result");
  const child = serve(directory, []);
  child.stdin.on("error", () => undefined);
  const packed = request.headers["content-encoding"] === "gzip";
  const question = packed ? request.pipe(createGunzip()) : request;
  question.on("error", () => child.kill()).pipe(child.stdin);
  // Also to whoever is gone: an answer that is lost on its way is made to its end.
  child.stdout.on("data", (chunk: Buffer) => response.write(chunk));
  await new Promise<void>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => resolve());
  });
  response.end();
  return true;
}

const known = new Map<string, Promise<Buffer>>();

/** What the server can do: in this version nothing that a push changes, so that each repository's is asked for once. */
async function capabilities(directory: string): Promise<Buffer> {
  const { mtimeMs, size } = await stat(join(directory, "config"));
  const key = JSON.stringify([directory, mtimeMs, size]);
  const asked = known.get(key) ?? advertised(directory);
  known.set(key, asked);
  return asked;
}

async function advertised(directory: string): Promise<Buffer> {
  const child = serve(directory, ["--advertise-refs"]);
  child.stdin.end();
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function serve(directory: string, options: readonly string[]): ChildProcessByStdio<Writable, Readable, null> {
  return spawn("git", ["upload-pack", "--strict", "--stateless-rpc", ...options, directory], {
    env: { ...SERVER_ENV, GIT_PROTOCOL: V2 },
    stdio: ["pipe", "pipe", "ignore"],
  });
}
