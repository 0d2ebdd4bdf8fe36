import { spawn } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";

import { SERVER_ENV, uploadPack } from "./upload-pack.ts";

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

/** Git's own server for one request. */
export async function smartHttp(request: IncomingMessage, response: ServerResponse, call: GitCall): Promise<void> {
  if (await uploadPack(request, response, call)) return;
  await backend(request, response, call);
}

/** CGI as `git http-backend` speaks it. */
async function backend(request: IncomingMessage, response: ServerResponse, call: GitCall): Promise<void> {
  const header = (name: string): string => String(request.headers[name] ?? "");
  const child = spawn("git", ["http-backend"], {
    env: {
      ...SERVER_ENV,
      GIT_PROJECT_ROOT: call.root,
      GIT_HTTP_EXPORT_ALL: "1",
      REQUEST_METHOD: request.method ?? "GET",
      PATH_INFO: call.path,
      QUERY_STRING: call.query,
      CONTENT_TYPE: header("content-type"),
      ...(header("content-length") === "" ? {} : { CONTENT_LENGTH: header("content-length") }),
      ...(header("content-encoding") === "" ? {} : { HTTP_CONTENT_ENCODING: header("content-encoding") }),
      ...(header("git-protocol") === "" ? {} : { GIT_PROTOCOL: header("git-protocol") }),
      REMOTE_USER: call.user,
      REMOTE_ADDR: "127.0.0.1",
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  child.stdin.on("error", () => undefined);
  request.pipe(child.stdin);
  let head = Buffer.alloc(0);
  let inBody = false;
  child.stdout.on("data", (chunk: Buffer) => {
    if (inBody) {
      response.write(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    inBody = true;
    for (const line of head.toString("latin1", 0, end).split("\r\n")) {
      const colon = line.indexOf(": ");
      const value = line.slice(colon + 2);
      if (line.slice(0, colon) === "Status") response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(line.slice(0, colon), value);
    }
    response.write(head.subarray(end + 4));
  });
  await new Promise<void>((resolve) => child.on("close", () => resolve()));
  await call.ended();
  response.end();
}
