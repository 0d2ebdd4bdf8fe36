import { existsSync, mkdtempSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

import { missingArtifacts } from "../../src/controller/missing-artifacts.ts";
import { digestOf, type Digest, type RunId } from "../../src/identity/identity.ts";
import { openS3Bucket } from "../../src/store/s3-bucket.ts";
import { objectName } from "../../src/store/s3-bytes.ts";
import { bucketProbe } from "../../src/store/probe.ts";
import { s3Collector } from "../../src/store/s3-collect.ts";
import { s3Store } from "../../src/store/s3-store.ts";
import { evictedName, resultName } from "../../src/store/s3-results.ts";
import { resultOf } from "../builders/result.ts";
import { collectorContract, found, KEY, withDirectory, withResult } from "../contract/collector.ts";
import { S3_VARIABLES, s3Server, type S3Server } from "../contract/s3-server.ts";

const DAY = 86_400_000;
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
    aside: copies,
    bucket,
    store,
    machine,
    collector,
    file,
    nextDay() {
      this.age(evictedName(KEY));
    },
    collect: (live: readonly Digest[] = [], runs: readonly RunId[] = [], lost?: AbortSignal) => {
      const now = Date.now();
      const since = { olderThan: now - 7 * DAY, personsSince: now - 180 * DAY };
      return collector.collect({ live: new Set(live), runs: new Set(runs), ...since }, lost);
    },
    age(...keys: readonly string[]) {
      for (const key of keys) utimesSync(file(key), new Date(), new Date(Date.now() - 10 * DAY));
    },
  };
}

collectorContract(place);

const WHY = { who: "ada", reason: "forced" };

test("what took the place of a wrong result goes after it, and nothing that is left of it shadows the next", async () => {
  const here = await place();
  const digest = await withResult(here);
  const old = resultOf(KEY, [{ path: "out", kind: "file", digest }]);
  const now = resultOf(KEY, [{ path: "out", kind: "file", digest: digestOf("right") }]);
  await here.store.revoke("local", { old, now, why: WHY });
  let removals = 0;
  server.before = ({ method, url }, response) => {
    if (method !== "POST" || url?.includes("delete") !== true || ++removals < 2) return false;
    response.writeHead(403, { "content-type": "application/xml" }).end("<Error><Code>AccessDenied</Code></Error>");
    return true;
  };
  await expect(here.collect()).rejects.toThrow();
  server.before = undefined;
  const revocation = resultName("local", KEY).replace(/^results/, "revocations");
  expect([resultName("local", KEY), revocation].map((name) => existsSync(here.file(name)))).toEqual([false, true]);
  here.age(revocation);
  const next = resultOf(KEY, [{ path: "out", kind: "file", digest: digestOf("next") }]);
  // Whoever creates it is cut off before it is done.
  server.before = ({ method, url }, response) => {
    if (method !== "HEAD" || url?.includes("revocations/") !== true) return false;
    response.writeHead(403).end();
    return true;
  };
  await expect(here.machine("cut off").createResult("local", next)).rejects.toThrow();
  server.before = undefined;
  expect(await here.machine("next").createResult("local", next)).toMatchObject({ kind: "exists", same: true });
  expect((await found(here.machine("reader"))).result).toEqual(next);
});

test("a result that is revoked just before it would go stays, and so does what took its place", async () => {
  const here = await place();
  const digest = await withResult(here);
  const old = resultOf(KEY, [{ path: "out", kind: "file", digest }]);
  const now = resultOf(KEY, [{ path: "out", kind: "file", digest: digestOf("right") }]);
  const put: typeof here.bucket.put = async (key, bytes) => {
    if (key === evictedName(KEY)) await here.store.revoke("local", { old, now, why: WHY });
    await here.bucket.put(key, bytes);
  };
  const meanwhile = s3Collector({ ...here.bucket, put }, () => here.store.forget());
  const since = { olderThan: Date.now() - 7 * DAY, personsSince: Date.now() - 180 * DAY };
  expect(await meanwhile.collect({ live: new Set(), runs: new Set(), ...since })).toMatchObject({ results: 0 });
  expect((await found(here.machine("reader"))).result).toEqual(now);
});

test("a result that is revoked while it goes is the one that took its place", async () => {
  const here = await place();
  const digest = await withResult(here);
  const old = resultOf(KEY, [{ path: "out", kind: "file", digest }]);
  const now = resultOf(KEY, [{ path: "out", kind: "file", digest: digestOf("right") }]);
  const remove: typeof here.bucket.remove = async (keys) => {
    await here.bucket.remove(keys);
    if (keys.includes(resultName("local", KEY))) await here.store.revoke("local", { old, now, why: WHY });
  };
  const since = { olderThan: Date.now() - 7 * DAY, personsSince: Date.now() - 180 * DAY };
  const meanwhile = s3Collector({ ...here.bucket, remove }, () => here.store.forget());
  expect(await meanwhile.collect({ live: new Set(), runs: new Set(), ...since })).toMatchObject({ results: 1 });
  expect((await found(here.machine("reader"))).result).toEqual(now);
});

test("what is old is there as long as it is there", async () => {
  const here = await place();
  const digest = await withDirectory(here);
  const artifact = { path: "reports", kind: "directory" as const, digest, size: 1, files: 1, step: "report" };
  const elsewhere = here.machine("other");
  expect(await elsewhere.has(digest)).toBe(false);
  expect(await missingArtifacts(elsewhere, { artifacts: [artifact] })).toEqual([]);
  rmSync(here.file(objectName(digestOf("a"))));
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
