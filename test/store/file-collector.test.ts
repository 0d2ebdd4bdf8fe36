import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";

import { expect, onTestFinished, test } from "vitest";

import { removeTree } from "../../src/executor/remove-tree.ts";
import { removeAbandoned } from "../../src/executor/work-place.ts";
import { digestOf, hexOf, parseRunId, type Digest, type RunId } from "../../src/identity/identity.ts";
import type { StepResult } from "../../src/key/key-document.ts";
import { evict } from "../../src/store/evict.ts";
import { fileCollector } from "../../src/store/file-collector.ts";
import { filesystemStore } from "../../src/store/filesystem-store.ts";
import { listingName, objectName } from "../../src/store/s3-bytes.ts";
import { resultName } from "../../src/store/s3-results.ts";
import { resultsIn } from "../../src/store/store-files.ts";
import { takeAway } from "../../src/store/take-away.ts";
import { resultOf } from "../builders/result.ts";
import { collectorContract, KEY, withDirectory, withResult } from "../contract/collector.ts";

const DAY = 86_400_000;
const HANDS = {
  remove: async (path: string) => removeTree(path),
  removeAbandoned: (directory: string) => removeAbandoned(directory, Date.now()),
};

async function place() {
  const aside = mkdtempSync(join(tmpdir(), "sluice-collect-"));
  onTestFinished(() => rmSync(aside, { recursive: true, force: true }));
  const root = join(aside, "store");
  mkdirSync(root);
  const file = (name: string): string => join(root, name);
  let olderThan = Date.now() - 7 * DAY;
  /** Nobody can change the time of an inode: what is there now is old from the next tick of its clock on. */
  const tick = (): number => {
    const probe = join(aside, "tick");
    const at = (): number => {
      writeFileSync(probe, "");
      return statSync(probe).ctimeMs;
    };
    const now = at();
    for (let then = at(); ; then = at()) if (then > now) return then;
  };
  const old = (path: string): void => utimesSync(path, new Date(), new Date(Date.now() - 10 * DAY));
  const collector = fileCollector(root, HANDS, 0);
  return {
    aside,
    root,
    store: filesystemStore(root),
    machine: () => filesystemStore(root),
    collector,
    file,
    age(...names: readonly string[]) {
      for (const name of names) old(file(name));
      olderThan = tick();
    },
    nextDay() {
      for (const name of readdirSync(file("evicted"))) old(file(`evicted/${name}`));
    },
    collect(live: readonly Digest[] = [], runs: readonly RunId[] = [], lost?: AbortSignal) {
      const since = { olderThan, personsSince: Date.now() - 180 * DAY };
      return collector.collect({ live: new Set(live), runs: new Set(runs), ...since }, lost);
    },
  };
}

function runId(digit: string): RunId {
  const id = parseRunId(digit.repeat(26));
  if (id === undefined) throw new Error("it is a run id");
  return id;
}

collectorContract(place);

test("a directory that is used anew stays with its files", async () => {
  const here = await place();
  const digest = await withDirectory(here);
  expect(await here.machine().has(digest)).toBe(true);
  expect(await here.collect()).toMatchObject({ objects: 0 });
  here.age(listingName(digest), objectName(digestOf("a")));
  rmSync(here.file(objectName(digestOf("a"))));
  expect(await here.machine().has(digest)).toBe(false);
});

test(
  "what a writer finds there just before it goes is put back, and written anew just after",
  { timeout: 30_000 },
  async () => {
    const { root, store, file } = await place();
    const rounds = 200;
    const turns = new Int32Array(new SharedArrayBuffer(8));
    const thread = new Worker(new URL("writing-thread.ts", import.meta.url), { workerData: { root, turns, rounds } });
    onTestFinished(async () => void (await thread.terminate()));
    const week = Date.now() - 7 * DAY;
    for (let round = 1; round <= rounds; round++) {
      const digest = await store.putBytes(new TextEncoder().encode(`round ${round}`));
      utimesSync(file(objectName(digest)), 0, 0);
      Atomics.store(turns, 0, round);
      while (Atomics.load(turns, 1) < round) takeAway(file(objectName(digest)), ({ mtimeMs }) => mtimeMs < week);
      expect(await store.present(digest)).toBe(true);
    }
  },
);

test("what crashes and evictions left goes when it is old, and what runs began when nobody can come back for it", async () => {
  const here = await place();
  const [run, over] = [runId("1"), runId("2")];
  const [key, gone] = [hexOf(KEY), hexOf(digestOf("another key"))];
  const held = digestOf("held");
  await here.store.createResult("local", resultOf(KEY, [{ path: "out", kind: "file", digest: held }]));
  const left = [
    "corrupt/rotten",
    `objects/00/${"0".repeat(62)}.tmp-1-x`,
    "ready-0123",
    "collected.tmp-1-x",
    `results/local/${gone}.json`,
    `results/local/${gone}.json.tmp-1-x`,
    `results/fork/1/${gone}.json.tmp-1-x`,
    `revocations/local/${gone}.json`,
    `revocations/local/${gone}.1.json`,
    `observations/local/${gone}/x.json`,
    `lost/${gone}`,
  ];
  const needed = [
    `results/local/${key}.json`,
    `revocations/local/${key}.1.json`,
    `observations/local/${key}/x.json`,
    `begun/${run}/a`,
    `begun/${over}/a`,
    `checkpoints/local/${key}/at`,
    "somebody-else's",
  ];
  const write = (path: string): void => {
    mkdirSync(dirname(here.file(path)), { recursive: true });
    if (!existsSync(here.file(path))) writeFileSync(here.file(path), "");
  };
  for (const path of [...left, ...needed]) write(path);
  const there = (): readonly string[] => [...left, ...needed].filter((path) => existsSync(here.file(path)));
  await here.collect([held], [run]);
  expect(there()).toEqual([...left, ...needed]);
  here.age(...left, `begun/${over}`, `begun/${over}/a`);
  await here.collect([held], [run]);
  expect(there()).toEqual(needed);
  const aYearLater = { olderThan: Date.now() + 366 * DAY, personsSince: 0 };
  await here.collector.collect({ live: new Set(), runs: new Set([run]), ...aYearLater });
  expect(there().filter((path) => path.startsWith("begun/"))).toEqual([`begun/${run}/a`]);
});

test("an index that can be neither written nor removed stands in the way of nothing", async () => {
  const here = await place();
  mkdirSync(here.file("index/local.tsv"), { recursive: true });
  const digest = await withResult(here);
  await here.collect();
  expect(existsSync(here.file("collected"))).toBe(true);
  here.nextDay();
  expect(await here.collect()).toMatchObject({ objects: 1 });
  expect(await here.store.present(digest)).toBe(false);
  expect(existsSync(here.file("index/local.tsv"))).toBe(true);
});

test("what takes the place of a result while it goes is what is read then", async () => {
  const { root, store, machine, file } = await place();
  const [old, now] = ["wrong", "right"].map((text) =>
    resultOf(KEY, [{ path: "out", kind: "file", digest: digestOf(text) }]),
  ) as [StepResult, StepResult];
  const revocation = { old, now, why: { who: "a person", reason: "it was wrong" } };
  const reads = async (): Promise<unknown> => (await machine().reader("local")).result(KEY);
  await store.createResult("local", old);
  const [seen] = resultsIn(root);
  if (seen === undefined) throw new Error("it was just made");
  await store.revoke("local", revocation);
  expect(evict(root, { ...seen, result: old })).toBe(false);
  expect(await reads()).toEqual(now);

  rmSync(file(resultName("local", KEY)));
  await machine().revoke("local", revocation);
  expect(await reads()).toEqual(now);

  rmSync(file(resultName("local", KEY)));
  expect(await machine().createResult("local", old)).toEqual({ kind: "created" });
  expect(await reads()).toEqual(old);
});

test("what a machine that went down left of the users says that nobody is known", async () => {
  const { collector, file } = await place();
  writeFileSync(file("users"), '{"since":');
  expect(await collector.users()).toBeUndefined();
  const users = { since: 1, seen: { "7": { at: 2, name: "acme/digits" } } };
  await collector.keepUsers(users);
  expect(await collector.users()).toEqual(users);
});
