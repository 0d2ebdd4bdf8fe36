import { spawn, type ChildProcessByStdio } from "node:child_process";
import { stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { createGunzip } from "node:zlib";

/** What one request of git over HTTP is about. */
export interface GitCall {
  /** Absolute directory of all repositories. */
  readonly root: string;
  readonly path: string;
  readonly query: string;
  readonly user: string;
  /** Called before the answer ends. */
  readonly ended: () => Promise<void>;
}

interface Served {
  readonly directory: string;
  readonly service: "upload-pack" | "receive-pack";
  /** As git asks for it; empty for its oldest one. */
  readonly protocol: string;
  readonly user: string;
}

/**
 * Git's own server for one request, over HTTP as gitprotocol-http has it: `git http-backend` does the same, and starts as
 * its grandchild what is started here.
 */
export async function smartHttp(request: IncomingMessage, response: ServerResponse, call: GitCall): Promise<void> {
  const [, repository = "", what = ""] = /^(\/.+\.git)\/(info\/refs|git-[a-z]+-pack)$/.exec(call.path) ?? [];
  const asked = what === "info/refs" ? call.query.replace(/^service=/, "") : what;
  const service = asked === "git-upload-pack" || asked === "git-receive-pack" ? SERVICES[asked] : undefined;
  if (service === undefined) {
    // Before there were such services, files were read one by one.
    response.statusCode = 403;
    request.resume();
  } else {
    const protocol = String(request.headers["git-protocol"] ?? "");
    const served: Served = { directory: join(call.root, repository), service, protocol, user: call.user };
    response.setHeader("cache-control", "no-cache, max-age=0, must-revalidate");
    const kind = what === "info/refs" ? "advertisement" : "result";
    response.setHeader("content-type", `application/x-git-${service}-${kind}`);
    await (kind === "result" ? answer(served, request, response) : advertise(served, request, response));
  }
  await call.ended();
  response.end();
}

const SERVICES = { "git-upload-pack": "upload-pack", "git-receive-pack": "receive-pack" } as const;

async function answer(served: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const child = start(served, []);
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
}

async function advertise(served: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
  request.resume();
  if (served.service === "upload-pack" && served.protocol === "version=2") {
    response.write(await capabilities(served));
    return;
  }
  const title = `# service=git-${served.service}\n`;
  response.write(`${(title.length + 4).toString(16).padStart(4, "0")}${title}0000`);
  response.write(await advertised(served));
}

const known = new Map<string, Promise<Buffer>>();

/** What the server can do: in this version nothing that a push changes, so that each repository's is asked for once. */
async function capabilities(served: Served): Promise<Buffer> {
  const { mtimeMs, size } = await stat(join(served.directory, "config"));
  const key = JSON.stringify([served.directory, mtimeMs, size]);
  const asked = known.get(key) ?? advertised(served);
  known.set(key, asked);
  return asked;
}

async function advertised(served: Served): Promise<Buffer> {
  const child = start(served, ["--advertise-refs"]);
  child.stdin.end();
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Of whoever runs this, git's server is told nothing. */
function start(
  { directory, service, protocol, user }: Served,
  options: readonly string[],
): ChildProcessByStdio<Writable, Readable, null> {
  return spawn("git", [service, "--stateless-rpc", ...options, directory], {
    env: {
      PATH: process.env["PATH"] ?? "/usr/bin:/bin",
      HOME: "/nonexistent",
      GIT_CONFIG_NOSYSTEM: "1",
      // Whom a log of refs names.
      GIT_COMMITTER_NAME: user,
      GIT_COMMITTER_EMAIL: `${user}@http.127.0.0.1`,
      ...(protocol !== "" && { GIT_PROTOCOL: protocol }),
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
}
