import { ServerResponse, type IncomingMessage } from "node:http";

import type { TwinForge } from "./forge.ts";
import { smartHttp, type GitCall } from "./smart-http.ts";
import type { TwinRepository } from "./world.ts";

/** Answers one request of git over HTTP, as the forge is today. */
export async function answerGit(
  forge: TwinForge,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  const fault = forge.faults.meet({ over: "git", method: request.method ?? "GET", path: url.pathname })?.fault;
  if (fault?.kind === "closed") {
    request.socket.destroy();
    return;
  }
  if (fault === undefined) {
    await serve(forge, request, response, url);
    return;
  }
  if (fault.kind === "answer-lost") await serve(forge, request, new ServerResponse(request), url);
  response.statusCode = fault.kind === "server-error" ? fault.status : 502;
  response.end();
  request.resume();
}

async function serve(forge: TwinForge, request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const [, fullName = "", rest = ""] = /^\/([^/]+\/[^/]+)\.git(\/.*)$/.exec(url.pathname) ?? [];
  const { repositories, moved } = forge.world;
  const repository = repositories.get(fullName);
  const [, password = ""] = Buffer.from((request.headers.authorization ?? "").replace(/^basic /i, ""), "base64")
    .toString("utf8")
    .split(/:(.*)/s);
  const who = forge.world.bearer(password);
  const now = moved.get(fullName);
  if (who === undefined || repository === undefined) {
    response.statusCode = who === undefined ? 401 : now === undefined ? 404 : 301;
    if (who === undefined) response.setHeader("www-authenticate", 'Basic realm="twin"');
    else if (now !== undefined) response.setHeader("location", `${forge.host}/${now.fullName}.git${rest}${url.search}`);
    response.end();
    request.resume();
    return;
  }
  const call = { root: forge.options.directory, path: url.pathname, query: url.search.slice(1), user: who.user.login };
  if (url.pathname.endsWith("/git-receive-pack")) await push(forge, repository, { request, response, call });
  else await smartHttp(request, response, { ...call, ended: async () => undefined });
}

/** What a push moved is told before its answer ends, as a forge does. */
async function push(
  forge: TwinForge,
  repository: TwinRepository,
  {
    request,
    response,
    call,
  }: {
    readonly request: IncomingMessage;
    readonly response: ServerResponse;
    readonly call: Omit<GitCall, "ended">;
  },
): Promise<void> {
  let ended: () => void = () => undefined;
  const pushed = new Promise<void>((resolve) => (ended = resolve));
  let told: Promise<void> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    told = forge.watching(repository, call.user, () => {
      smartHttp(request, response, {
        ...call,
        ended: async () => {
          ended();
          await told;
        },
      }).then(resolve, reject);
      return pushed;
    });
  });
}
