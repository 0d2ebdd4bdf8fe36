import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { parseImage } from "../../src/executor/image-registry.ts";
import { repository } from "../sluice.ts";

const MANIFEST = JSON.stringify({
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.index.v1+json",
  manifests: [],
});
const DIGEST = `sha256:${createHash("sha256").update(MANIFEST).digest("hex")}`;

interface Registry {
  readonly host: string;
  readonly requests: readonly string[];
}

/** A registry that speaks the distribution protocol: challenge, token, manifest by tag. */
async function registry(options: { readonly header?: boolean; readonly secret?: boolean } = {}): Promise<Registry> {
  const requests: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    requests.push(`${request.method} ${request.url}`);
    const { port } = server.address() as AddressInfo;
    const url = new URL(request.url ?? "/", `http://127.0.0.1:${port}`);
    if (url.pathname === "/token") {
      if (options.secret === true) response.writeHead(401).end();
      else response.end(JSON.stringify({ token: `for ${url.searchParams.get("scope")}`.replaceAll(" ", "-") }));
      return;
    }
    const [, name = "", tag = ""] = /^\/v2\/(.+)\/manifests\/(.+)$/.exec(url.pathname) ?? [];
    if (request.headers.authorization !== `Bearer for-repository:${name}:pull`) {
      const challenge = `Bearer realm="http://127.0.0.1:${port}/token",service="test",scope="repository:${name}:pull"`;
      response.writeHead(401, { "www-authenticate": challenge }).end();
      return;
    }
    if (tag !== "3.12" || !String(request.headers.accept).includes("oci.image.index")) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, options.header === false ? {} : { "docker-content-digest": DIGEST });
    response.end(request.method === "HEAD" ? undefined : MANIFEST);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

const pipeline = (image: string): string => `# Our pipeline
version: 1
defaults:
  environment: { image: "${image}" } # keep this comment
steps:
  a:
    environment:
      image:   ${image}   # and this one
    run: echo > a
    outputs: [a]

  b: { run: echo > b, outputs: [b] }
`;

test("pin writes digests in place and keeps comments, quotes and layout", async () => {
  const { host, requests } = await registry();
  const bench = repository({ "pipelines/p.yaml": pipeline(`${host}/team/python:3.12`) });
  bench.commit();

  const pin = await bench.sluice("pin");

  expect(pin.code, pin.stderr).toBe(0);
  const pinned = `${host}/team/python:3.12@${DIGEST}`;
  expect(readFileSync(join(bench.root, "pipelines/p.yaml"), "utf8")).toBe(pipeline(pinned));
  expect(pin.stdout).toContain(`${host}/team/python:3.12 → ${pinned}`);
  expect(requests).toEqual([
    "HEAD /v2/team/python/manifests/3.12",
    "GET /token?service=test&scope=repository%3Ateam%2Fpython%3Apull",
    "HEAD /v2/team/python/manifests/3.12",
  ]);
  expect((await bench.sluice("validate")).code).toBe(0);
  expect((await bench.sluice("pin", "p")).stdout).toBe("nothing to pin: every image has its digest\n");
});

test("a byte-order mark and other ends of lines stay", async () => {
  const { host } = await registry();
  const text = `\ufeff${pipeline(`${host}/team/python:3.12`).replaceAll("\n", "\r\n")}`;
  const bench = repository({ "pipelines/p.yaml": text });
  bench.commit();

  await bench.sluice("pin");

  expect(readFileSync(join(bench.root, "pipelines/p.yaml"), "utf8")).toBe(
    text.replaceAll("python:3.12", `python:3.12@${DIGEST}`),
  );
});

test("a registry that leaves the header out is believed by the bytes it gives", async () => {
  const { host } = await registry({ header: false });
  const bench = repository({ "pipelines/p.yaml": pipeline(`${host}/team/python:3.12`) });
  bench.commit();

  expect((await bench.sluice("pin")).stdout).toContain(`@${DIGEST}`);
});

test("an image that is not there, one that is not for everybody and a dead registry are told at their lines", async () => {
  const open = await registry();
  const closed = await registry({ secret: true });
  const text = pipeline(`${open.host}/team/python:2.7`).replace(
    "  b: {",
    `  b: { environment: { image: ${closed.host}/x:3.12 },`,
  );
  const bench = repository({
    "pipelines/p.yaml": `${text}  c: { environment: { image: 127.0.0.1:1/x:1 }, run: echo > c, outputs: [c] }\n`,
  });
  bench.commit();
  const before = readFileSync(join(bench.root, "pipelines/p.yaml"), "utf8");

  const pin = await bench.sluice("pin");

  expect(pin.code).toBe(1);
  expect(pin.stderr).toContain(`pipelines/p.yaml:8: there is no image \`${open.host}/team/python:2.7\``);
  expect(pin.stderr).toContain(`pipelines/p.yaml:12: ${closed.host} does not show`);
  expect(pin.stderr).toContain("pipelines/p.yaml:13: 127.0.0.1:1 does not answer");
  expect(readFileSync(join(bench.root, "pipelines/p.yaml"), "utf8")).toBe(before);
});

test.each([
  ["python", "https://registry-1.docker.io", "library/python", "latest"],
  ["python:3.12", "https://registry-1.docker.io", "library/python", "3.12"],
  ["docker.io/pytorch/pytorch:2.5", "https://registry-1.docker.io", "pytorch/pytorch", "2.5"],
  ["ghcr.io/acme/train:v1", "https://ghcr.io", "acme/train", "v1"],
  ["localhost:5000/x", "http://localhost:5000", "x", "latest"],
])("%s is asked for at %s", (image, origin, name, tag) => {
  expect(parseImage(image)).toMatchObject({ origin, repository: name, tag });
});

test.each(["", "Python", "a b", "../x", "ghcr.io/", "evil.example/../../x:1", "x:y:z"])("%j is no image", (image) => {
  expect(parseImage(image)).toBeUndefined();
});
