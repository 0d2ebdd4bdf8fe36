import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { digestOf, type Digest } from "../../src/identity/identity.ts";
import type { Bucket } from "../../src/store/bucket.ts";
import { openS3Bucket, s3Bucket } from "../../src/store/s3-bucket.ts";
import { objectName } from "../../src/store/s3-bytes.ts";
import { s3Client } from "../../src/store/s3-client.ts";
import { s3Store } from "../../src/store/s3-store.ts";
import { resultOf } from "../builders/result.ts";
import { keepsConditions, S3_VARIABLES, s3Server, type S3Server } from "../contract/s3-server.ts";
import { hexPath, storeContract } from "../contract/store.ts";

let server: S3Server;
let opened: Awaited<ReturnType<typeof s3Client>>;
beforeAll(async () => {
  Object.assign(process.env, S3_VARIABLES);
  server = await s3Server();
  opened = await s3Client(addressOf(""));
});
afterAll(() => server.stop());

function addressOf(prefix: string): Parameters<typeof openS3Bucket>[0] {
  return { kind: "s3", bucket: server.bucket, prefix, region: null, endpoint: server.endpoint, pathStyle: null };
}

/** Each directory has a prefix of its own. */
const bucketOf = (directory: string): Bucket => s3Bucket(opened.sdk, opened.client, addressOf(basename(directory)));
const copiesOf = (directory: string): string => join(directory, "copies");
const open = (directory: string): ReturnType<typeof s3Store> => s3Store(bucketOf(directory), copiesOf(directory));

function objectFile(directory: string, digest: Digest): string {
  rmSync(hexPath(copiesOf(directory), digest), { force: true });
  return server.file(`${basename(directory)}/${objectName(digest)}`);
}

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "sluice-s3-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

storeContract(open, objectFile);

describe("a bucket", () => {
  test("takes large files in parts and gives them in ranges, whatever machine asks", async () => {
    const here = scratch();
    // Two parts and a bit, none of which looks like another.
    const bytes = randomBytes((17 << 20) + 3);
    const from = join(here, "large");
    writeFileSync(from, bytes);
    const taken = await open(here).ingest(from, "large");
    if (taken.kind !== "ok") throw new Error(taken.kind);
    const { digest } = taken.record;
    expect(readFileSync(objectFile(here, digest)).equals(bytes)).toBe(true);

    const target = join(here, "again");
    expect(await open(here).materialize(taken.record, target)).toEqual({ kind: "ok" });
    expect(digestOf(readFileSync(target))).toBe(digest);
    objectFile(here, digest);
    expect(Buffer.from((await open(here).tail(digest, 5)) ?? []).equals(bytes.subarray(-5))).toBe(true);
    expect(existsSync(hexPath(copiesOf(here), digest))).toBe(false);
  });

  test("goes on where an answer broke off", async () => {
    const here = scratch();
    const bytes = randomBytes(9 << 20);
    const digest = await open(here).putBytes(bytes);
    objectFile(here, digest);
    let broken = 0;
    server.before = ({ method }, response) => {
      if (method !== "GET" || ++broken > 2) return false;
      response.writeHead(206, { "content-range": `bytes 0-99/${bytes.byteLength}`, "content-length": 100 });
      response.write("half of it", () => response.destroy());
      return true;
    };
    onTestFinished(() => void (server.before = undefined));
    expect(Buffer.from((await open(here).read(digest)) ?? []).equals(bytes)).toBe(true);
    expect(broken).toBeGreaterThan(2);
  });

  test("whose server keeps conditions decides itself who was first", async () => {
    const here = scratch();
    server.before = keepsConditions();
    onTestFinished(() => void (server.before = undefined));
    const made = await Promise.all(
      ["a", "b", "c", "d"].map((text) => {
        const digest = digestOf(text);
        const output = { path: "out", kind: "file" as const, digest, size: 1, files: 1 };
        return open(here).createResult("local", resultOf(digestOf("the key"), [output]));
      }),
    );
    expect(made.filter(({ kind }) => kind === "created")).toHaveLength(1);
    const theirs = made.flatMap((one) => (one.kind === "exists" ? [one.result.facts.outputs[0]?.digest] : []));
    expect(new Set(theirs).size).toBe(1);
  });

  test("is asked again whether it keeps conditions until it says so", async () => {
    const store = open(scratch());
    const conditions = keepsConditions();
    let probes = 0;
    const orders: string[] = [];
    server.before = (request, response) => {
      const { method, url = "", headers } = request;
      if (method !== "PUT") return false;
      if (url.includes("/conditional") && ++probes <= 3) {
        // Refused, and then twice in the middle of what somebody else does.
        response.writeHead(probes === 1 ? 403 : 409, { "content-type": "application/xml" });
        response.end("<Error><Code>Refused</Code><Message>Not now.</Message></Error>");
        return true;
      }
      orders.push(`${url.includes("/results/") ? "result" : "probe"} ${headers["if-none-match"] ?? "anyhow"}`);
      return conditions(request, response);
    };
    onTestFinished(() => void (server.before = undefined));
    const result = resultOf(digestOf("the key"), []);
    await expect(store.createResult("local", result)).rejects.toThrow("Not now.");
    expect(await store.createResult("local", result)).toEqual({ kind: "created" });
    expect(orders).toEqual(["probe *", "probe *", "result *"]);
  });

  test.each([1, 2])("keeps what somebody mends while what was wrong is read for time %i", async (time) => {
    const here = scratch();
    for (const size of [20, 200_000]) {
      const bytes = new Uint8Array(size).fill(6);
      const digest = await open(here).putBytes(bytes);
      const file = objectFile(here, digest);
      writeFileSync(file, new Uint8Array(size).fill(7));
      utimesSync(file, 0, 0);
      let read = 0;
      server.before = ({ method, url }, response) => {
        if (method === "GET" && url?.includes(objectName(digest)) === true && ++read === time)
          response.on("finish", () => writeFileSync(file, bytes));
        return false;
      };
      onTestFinished(() => void (server.before = undefined));
      expect(await open(here).read(digest)).toEqual(time === 1 ? Buffer.from(bytes) : undefined);
      server.before = undefined;
      expect(Buffer.from((await open(here).read(digest)) ?? []).equals(bytes)).toBe(true);
    }
  });

  test("brings what another machine wrote: results, directories and the parts of them that plans ask for", async () => {
    const [one, other] = [scratch(), scratch()];
    const bucket = bucketOf(one);
    const from = join(one, "reports");
    mkdirSync(join(from, "deep"), { recursive: true });
    writeFileSync(join(from, "deep", "a"), "a");
    const taken = await s3Store(bucket, copiesOf(one)).ingest(from, "reports");
    if (taken.kind !== "ok") throw new Error(taken.kind);
    const elsewhere = s3Store(bucket, copiesOf(other));
    const { digest } = taken.record;
    expect(elsewhere.listingSync(digest)).toBeUndefined();
    expect((await elsewhere.listing(digest))?.map(({ path }) => path)).toEqual(["deep/a"]);
    expect(elsewhere.listingSync(digest)).toHaveLength(1);
    expect(await elsewhere.materialize(taken.record, join(other, "reports"))).toEqual({ kind: "ok" });
    expect(readFileSync(join(other, "reports", "deep", "a"), "utf8")).toBe("a");
  });

  test("needs no copies: the oldest go where a disk is full, and come back when they are read", async () => {
    const here = scratch();
    const store = open(here);
    const digests = [await store.putBytes(Buffer.from("old")), await store.putBytes(Buffer.from("new"))] as const;
    const [old, young] = [hexPath(copiesOf(here), digests[0]), hexPath(copiesOf(here), digests[1])];
    utimesSync(old, 0, 0);
    expect(store.trim(() => !existsSync(old))).toBe(1);
    expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
    expect(Buffer.from((await store.read(digests[0])) ?? []).toString()).toBe("old");
  });

  test("has an output before room is made of its copy, however old the output says it is", async () => {
    const here = scratch();
    const store = open(here);
    mkdirSync(join(here, "out"));
    for (const size of [20, 200_000]) {
      writeFileSync(join(here, "out", String(size)), new Uint8Array(size).fill(4));
      utimesSync(join(here, "out", String(size)), 0, 0);
    }
    const trimmed: number[] = [];
    server.before = ({ method, url }) => {
      if (method === "PUT" && url?.includes("/objects/") === true) trimmed.push(store.trim(() => false));
      return false;
    };
    onTestFinished(() => void (server.before = undefined));
    expect(await store.ingest(join(here, "out"), "out")).toMatchObject({ kind: "ok" });
    expect(new Set(trimmed)).toEqual(new Set([0]));
    expect(store.trim(() => false)).toBe(2);
  });

  test("heals a copy that rotted on this machine", async () => {
    const here = scratch();
    const store = open(here);
    for (const size of [20, 200_000]) {
      const digest = await store.putBytes(new Uint8Array(size).fill(8));
      const copy = hexPath(copiesOf(here), digest);
      rmSync(copy);
      writeFileSync(copy, new Uint8Array(size).fill(9));
      const target = join(here, `target-${size}`);
      expect(await store.materialize({ kind: "file", digest }, target)).toEqual({ kind: "ok" });
      expect(digestOf(readFileSync(target))).toBe(digest);
    }
  });

  test("is listed page by page", async () => {
    const page = (key: string, more: boolean): string =>
      `<ListBucketResult><Contents><Key>pages/${key}</Key><Size>1</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>` +
      `<IsTruncated>${more}</IsTruncated>${more ? "<NextContinuationToken>next</NextContinuationToken>" : ""}</ListBucketResult>`;
    server.before = ({ url }, response) => {
      const second = url?.includes("continuation-token=next") === true;
      response.writeHead(200, { "content-type": "application/xml" }).end(page(second ? "b" : "a", !second));
      return true;
    };
    onTestFinished(() => void (server.before = undefined));
    const keys: string[] = [];
    for await (const { key } of bucketOf("pages").list("")) keys.push(key);
    expect(keys).toEqual(["a", "b"]);
  });

  test("that is not there is told with what to do, and nothing of the credentials", async () => {
    const none = await openS3Bucket({ ...addressOf(""), bucket: "no-such-bucket" });
    expect(none).toEqual({
      kind: "refused",
      reason: "usage",
      why: "the store s3://no-such-bucket/: there is no such bucket",
      next: "aws s3 mb s3://no-such-bucket",
    });
    const away = await openS3Bucket({ ...addressOf(""), endpoint: "http://127.0.0.1:1" });
    expect(away.kind === "refused" && away.why).toContain("ECONNREFUSED");
    expect(JSON.stringify(away)).not.toContain(S3_VARIABLES.AWS_SECRET_ACCESS_KEY);
  });
});
