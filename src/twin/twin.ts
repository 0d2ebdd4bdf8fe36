import { generateKeyPairSync, hash, randomBytes, type KeyObject } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { answerGit } from "./answer-git.ts";
import { faultReply } from "./fault-reply.ts";
import { TwinForge } from "./forge.ts";
import { answerPage } from "./pages.ts";
import { answerRest, verifier } from "./rest.ts";
import type { Call, Reply } from "./rest/call.ts";

export interface TwinOptions {
  /** Absolute directory in which the bare repositories live; it outlives the twin. */
  readonly directory: string;
  /** 0: any free one. */
  readonly port?: number;
  readonly slug?: string;
  /** Told everything that was asked and answered over the API. */
  readonly onExchange?: (exchange: Exchange) => void;
}

export interface Exchange {
  readonly call: Call;
  readonly status: number;
  readonly body: unknown;
}

/** A forge on this machine: GitHub's API, deliveries and smart HTTP over real bare repositories. */
export interface Twin extends AsyncDisposable {
  readonly forge: TwinForge;
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly apiUrl: string;
  readonly app: { readonly id: number; readonly privateKey: string; readonly secret: string };
  /** A person's own token, for git and the API. */
  tokenOf(login: string): string;
}

const APP_ID = 12_345;
const MAX_REQUEST = 30_000_000;

/** One for all twins of a process: to make one takes longer than to start a twin. */
let appKey: string | undefined;

function newKey(): string {
  return generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  }).privateKey;
}

export async function startTwin(options: TwinOptions): Promise<Twin> {
  appKey ??= newKey();
  const privateKey = appKey;
  const secret = randomBytes(20).toString("hex");
  const { directory, slug = "sluice" } = options;
  const forge = new TwinForge({ directory, secret, appId: APP_ID, slug });
  const publicKey = verifier(privateKey);
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.statusCode = 500;
      response.end(JSON.stringify({ message: String(error) }));
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://twin");
    if (/\.git\/(info\/refs|git-(upload|receive)-pack)$/.test(url.pathname)) {
      await answerGit(forge, request, response, url);
      return;
    }
    const api =
      /^(?:\/api\/v3|\/api)?(\/(?:repos|repositories|app|installation|orgs|graphql|user(?=\/\d))(?:\/.*)?)$/.exec(
        url.pathname,
      )?.[1];
    if (api === undefined) {
      await answerPage(forge, request, response, url);
      return;
    }
    const call: Call = {
      method: request.method ?? "GET",
      path: byName(forge, api),
      query: url.searchParams,
      body: await jsonOf(request),
      authorization: request.headers.authorization ?? "",
    };
    const reply = await answerOrFault(forge, publicKey, call);
    if (reply === undefined) {
      request.socket.destroy();
      return;
    }
    const text = reply.body === undefined ? "" : JSON.stringify(reply.body);
    const etag = `W/"${hash("sha256", text)}"`;
    const known = call.method === "GET" && reply.status === 200 && request.headers["if-none-match"] === etag;
    options.onExchange?.({ call, status: known ? 304 : reply.status, body: known ? undefined : reply.body });
    response.setHeader("date", new Date(Date.now() + forge.aheadMs).toUTCString());
    for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
    if (call.method === "GET") response.setHeader("etag", etag);
    response.statusCode = known ? 304 : reply.status;
    response.setHeader("content-type", "application/json; charset=utf-8");
    response.end(known || text === "" ? undefined : text);
  }

  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  forge.host = `http://127.0.0.1:${port}`;
  return {
    forge,
    url: forge.host,
    apiUrl: forge.base,
    app: { id: APP_ID, privateKey, secret },
    tokenOf: (login) => forge.world.token(forge.world.user(login), null),
    async [Symbol.asyncDispose]() {
      await forge.deliveries.idle();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** The answer to one call, as the forge is today; undefined: the connection closes without any. */
async function answerOrFault(forge: TwinForge, publicKey: KeyObject, call: Call): Promise<Reply | undefined> {
  const met = forge.faults.meet({ over: "api", method: call.method, path: call.path });
  if (met?.fault.kind === "closed") return undefined;
  const done = met === undefined || met.fault.kind === "answer-lost";
  const reply = done ? await answerRest(forge, publicKey, call).catch(broken) : undefined;
  return met === undefined ? reply : faultReply({ fault: met.fault, until: met.until }, call);
}

/** Calls may name a repository by its id. */
function byName(forge: TwinForge, path: string): string {
  const [, id, rest = ""] = /^\/repositories\/(\d+)(\/.*)?$/.exec(path) ?? [];
  const found = [...forge.world.repositories.values()].find((one) => String(one.id) === id);
  return found === undefined ? path : `/repos/${found.fullName}${rest}`;
}

/** A fault of the twin is an answer too, so that whoever listens to its exchanges sees it. */
function broken(error: unknown): Reply {
  return { status: 500, body: { message: error instanceof Error ? (error.stack ?? error.message) : String(error) } };
}

async function jsonOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_REQUEST) throw new Error("the request is too large");
    chunks.push(chunk);
  }
  if (size === 0) return {};
  return JSON.parse(Buffer.concat(chunks).toString("utf8")) as Readonly<Record<string, unknown>>;
}
