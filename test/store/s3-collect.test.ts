import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

import { missingArtifacts } from "../../src/controller/missing-artifacts.ts";
import { digestOf, type Digest, type RunId } from "../../src/identity/identity.ts";
import type { StepResult } from "../../src/key/key-document.ts";
import { openS3Bucket } from "../../src/store/s3-bucket.ts";
import { listingName, objectName } from "../../src/store/s3-bytes.ts";
import { bucketProbe } from "../../src/store/probe.ts";
import { s3Collector } from "../../src/store/s3-collect.ts";
import { resultName } from "../../src/store/s3-results.ts";
import { s3Store } from "../../src/store/s3-store.ts";
import { settled } from "../../src/store/store.ts";
import { resultOf } from "../builders/result.ts";
import { S3_VARIABLES, s3Server, type S3Server } from "../contract/s3-server.ts";

const DAY = 86_400_000;
const KEY = digestOf("the key");
let server: S3Server;
beforeAll(async () => {
  Object.assign(process.env, S3_VARIABLES);
  server = await s3Server();
});
afterAll(() => server.stop());

/** A store below a prefix of its own, seen from as many machines as ask. */
async function place() {
  const copies = mkdtempSync(join(tmpdir(), "sluice-collect-"));
  onTestFinished(() => rmSync(copies, { recursive: true, force: true }));
  const prefix = copies.slice(copies.lastIndexOf("/") + 1);
  const { bucket: name, endpoint } = server;
  const opened = await openS3Bucket({ kind: "s3", bucket: name, prefix, endpoint, region: null, pathStyle: null });
  if (opened.kind === "refused") throw new Error(opened.why);
  const { bucket } = opened;
  const file = (key: string): string => server.file(`${prefix}/${key}`);
  const machine = (at: string) => s3Store(bucket, join(copies, at));
  const store = machine("one");
  const collector = s3Collector(bucket, () => store.forget());
  return {
    copies,
    bucket,
    store,
    machine,
    collector,
    file,
    collect: (live: readonly Digest[] = [], runs: readonly RunId[] = []) =>
      collector.collect({ live: new Set(live), runs: new Set(runs), olderThan: Date.now() - 7 * DAY }),
    age(...keys: readonly string[]) {
      for (const key of keys) utimesSync(file(key), new Date(), new Date(Date.now() - 10 * DAY));
    },
    async result(of = store): Promise<{ readonly result: StepResult | undefined; readonly evicted: boolean }> {
      const reader = await of.reader("local");
      return settled(reader, () => ({ result: reader.result(KEY), evicted: reader.evicted(KEY) }));
    },
  };
}

async function withResult(here: Awaited<ReturnType<typeof place>>): Promise<Digest> {
  const digest = await here.store.putBytes(new TextEncoder().encode("what it wrote"));
  await here.store.createResult("local", resultOf(KEY, [{ path: "out", kind: "file", digest }]));
  here.age(objectName(digest));
  return digest;
}

test("a result that nobody holds goes first and is known to be gone; its bytes follow the next time", async () => {
  const here = await place();
  expect(await here.collector.last()).toBeUndefined();
  const digest = await withResult(here);
  expect(await here.collect()).toMatchObject({ objects: 0, results: 1 });
  expect(await here.result()).toEqual({ result: undefined, evicted: true });
  expect(existsSync(here.file(objectName(digest)))).toBe(true);
  expect(await here.collect()).toEqual({ objects: 1, bytes: 13, results: 0 });
  expect(existsSync(here.file(objectName(digest)))).toBe(false);
  expect(await here.collector.last()).toBeGreaterThan(Date.now() - DAY);
});

test("a process that does not collect hears of it, and writes what is gone anew", async () => {
  const here = await place();
  await withResult(here);
  const other = here.machine("other");
  const { result } = await here.result(other);
  if (result === undefined) throw new Error("it was just made");
  await here.collect();
  expect(await here.result(other)).toEqual({ result: undefined, evicted: true });

  expect(await other.createResult("local", result)).toEqual({ kind: "created" });
  rmSync(here.file(resultName("local", KEY)));
  const output = { path: "out", kind: "file" as const, digest: digestOf("something else") };
  await here.machine("third").createResult("local", resultOf(KEY, [output]));
  expect(await other.createResult("local", result)).toMatchObject({ kind: "exists", same: false });
});

test("what a run holds stays: by its record, or while it goes on", async () => {
  const here = await place();
  const digest = await withResult(here);
  const { result } = await here.result();
  if (result === undefined) throw new Error("it was just made");
  for (const held of [() => here.collect([digest]), () => here.collect([], [result.made.run])])
    expect(await held()).toEqual({ objects: 0, bytes: 0, results: 0 });
  expect((await here.result()).result).toEqual(result);
});

test("a directory that is held keeps its files", async () => {
  const here = await place();
  const from = join(here.copies, "reports");
  mkdirSync(from);
  writeFileSync(join(from, "a"), "a");
  const taken = await here.store.ingest(from, "reports");
  if (taken.kind !== "ok") throw new Error(taken.kind);
  const { digest } = taken.record;
  here.age(listingName(digest), objectName(digestOf("a")));
  expect(await here.collect([digest])).toMatchObject({ objects: 0 });
  expect(await here.collect()).toMatchObject({ objects: 2 });
});

test("what is old is there as long as it is there", async () => {
  const here = await place();
  const from = join(here.copies, "reports");
  mkdirSync(from);
  writeFileSync(join(from, "a"), "a");
  const taken = await here.store.ingest(from, "reports");
  if (taken.kind !== "ok") throw new Error(taken.kind);
  const artifact = { ...taken.record, step: "report" };
  const file = objectName(digestOf("a"));
  here.age(listingName(artifact.digest), file);
  const elsewhere = here.machine("other");
  expect(await elsewhere.has(artifact.digest)).toBe(false);
  expect(await missingArtifacts(elsewhere, { artifacts: [artifact] })).toEqual([]);
  rmSync(here.file(file));
  expect(await missingArtifacts(elsewhere, { artifacts: [artifact] })).toEqual([artifact]);
});

test("bytes that are used anew are young again, and stay where housekeeping has begun already", async () => {
  const here = await place();
  for (const size of [20, 200_000]) {
    const bytes = new Uint8Array(size).fill(3);
    const name = objectName(await here.store.putBytes(bytes));
    here.age(name);
    const other = here.machine(`other-${size}`);
    expect(await other.has(digestOf(bytes))).toBe(false);
    await other.putBytes(bytes);
    expect(statSync(here.file(name)).mtimeMs).toBeGreaterThan(Date.now() - DAY);
    expect(await other.has(digestOf(bytes))).toBe(true);

    here.age(name);
    server.before = ({ method, url }) => {
      // Found old by the listing, and looked at before it goes.
      if (method === "HEAD" && url?.includes(name) === true) utimesSync(here.file(name), new Date(), new Date());
      return false;
    };
    expect(await here.collect()).toMatchObject({ objects: 0 });
    server.before = undefined;
    expect(existsSync(here.file(name))).toBe(true);
  }
});

test("a bucket is asked whether it keeps bytes, and nothing of that stays", async () => {
  const { bucket } = await place();
  const put: string[] = [];
  const counted = { ...bucket, put: (key: string, bytes: Uint8Array) => (put.push(key), bucket.put(key, bytes)) };
  await bucketProbe(counted)();
  await bucketProbe(counted)();
  expect(new Set(put).size).toBe(2);
  for (const name of put) expect(await bucket.head(name)).toBeUndefined();
  const forgetful = { ...bucket, put: () => Promise.resolve() };
  await expect(bucketProbe(forgetful)()).rejects.toThrow("does not give back");
});
