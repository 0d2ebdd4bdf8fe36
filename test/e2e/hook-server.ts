import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";

import { onTestFinished } from "vitest";

export interface HookServer {
  readonly url: string;
  /** What came, with what was not taken. */
  readonly bodies: readonly Readonly<Record<string, string>>[];
}

/** A webhook that is away when it is called first, and gone when the test ends. */
export async function hookServer(): Promise<HookServer> {
  const bodies: Readonly<Record<string, string>>[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    bodies.push((await json(request)) as (typeof bodies)[number]);
    response.writeHead(bodies.length === 1 ? 503 : 200).end();
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return { url: `http://127.0.0.1:${address.port}/hook`, bodies };
}
