import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import S3rver from "s3rver";

/** An S3 server of one bucket, on a port and in a directory of its own. */
export interface S3Server {
  readonly endpoint: string;
  readonly bucket: string;
  /** The file of an object: the server keeps each in one. */
  file(key: string): string;
  /** Answers a request instead of the server, where it says so; undefined: the server answers everything. */
  before: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  stop(): Promise<void>;
}

/** What the server takes for credentials. */
export const S3_VARIABLES = {
  AWS_ACCESS_KEY_ID: "S3RVER",
  AWS_SECRET_ACCESS_KEY: "S3RVER",
  AWS_REGION: "us-east-1",
} as const;

export async function s3Server(): Promise<S3Server> {
  const directory = mkdtempSync(join(tmpdir(), "sluice-s3-"));
  const bucket = "sluice-test";
  const s3rver = new S3rver({ silent: true, directory, configureBuckets: [{ name: bucket }] });
  await s3rver.configureBuckets();
  const answer = s3rver.callback();
  const http = createServer((request, response) => {
    if (server.before?.(request, response) !== true) answer(request, response);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const server: S3Server = {
    endpoint: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    bucket,
    file: (key) => join(directory, bucket, `${key}._S3rver_object`),
    before: undefined,
    async stop() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return server;
}

/** Refuses what is created a second time, as Amazon's servers do and s3rver does not. */
export function keepsConditions(): NonNullable<S3Server["before"]> {
  const there = new Map<string, "coming" | "there">();
  return ({ method, url = "", headers }, response) => {
    if (method !== "PUT" || headers["if-none-match"] !== "*") return false;
    const before = there.get(url);
    if (before === undefined) {
      there.set(url, "coming");
      response.on("finish", () => there.set(url, "there"));
      return false;
    }
    const [status, code] = before === "there" ? [412, "PreconditionFailed"] : [409, "ConditionalRequestConflict"];
    const body = `<Error><Code>${code}</Code><Message>Somebody was first.</Message></Error>`;
    response.writeHead(status, { "content-type": "application/xml" }).end(body);
    return true;
  };
}
