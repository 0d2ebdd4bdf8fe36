import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { digestOf, type Digest, type RunId } from "../../src/identity/identity.ts";
import type { StepResult } from "../../src/key/key-document.ts";
import type { Collected, Collector } from "../../src/store/collector.ts";
import { listingName, objectName } from "../../src/store/s3-bytes.ts";
import { resultName } from "../../src/store/s3-results.ts";
import { settled, type Store } from "../../src/store/store.ts";
import { resultOf } from "../builders/result.ts";

const DAY = 86_400_000;
export const KEY = digestOf("the key");

/** A store that several processes use, and what collects it. */
export interface CollectorPlace {
  readonly store: Store;
  readonly collector: Collector;
  /** The same store as another process has it. */
  readonly machine: (name: string) => Store;
  /** A directory for whatever is no part of the store. */
  readonly aside: string;
  /** Where something of it lies. */
  readonly file: (name: string) => string;
  /** Makes something of it so old that it may go. */
  readonly age: (...names: readonly string[]) => void;
  /** It is the next day: what was evicted went long ago. */
  nextDay(): void;
  collect(live?: readonly Digest[], runs?: readonly RunId[], lost?: AbortSignal): Promise<Collected>;
}

/** What a reader of a store finds under the key of these tests. */
export async function found(
  store: Store,
): Promise<{ readonly result: StepResult | undefined; readonly evicted: boolean }> {
  const reader = await store.reader("local");
  return settled(reader, () => ({ result: reader.result(KEY), evicted: reader.evicted(KEY) }));
}

/** A result whose bytes are old. */
export async function withResult({ store, age }: Pick<CollectorPlace, "store" | "age">): Promise<Digest> {
  const digest = await store.putBytes(new TextEncoder().encode("what it wrote"));
  await store.createResult("local", resultOf(KEY, [{ path: "out", kind: "file", digest }]));
  age(objectName(digest));
  return digest;
}

/** A directory with one file, both of them old. */
export async function withDirectory({ store, age, aside }: CollectorPlace): Promise<Digest> {
  const from = join(aside, "reports");
  mkdirSync(from);
  writeFileSync(join(from, "a"), "a");
  const taken = await store.ingest(from, "reports");
  if (taken.kind !== "ok") throw new Error(taken.kind);
  age(listingName(taken.record.digest), objectName(digestOf("a")));
  return taken.record.digest;
}

/** What every collector of a store does while others use it. */
export function collectorContract(open: () => Promise<CollectorPlace>): void {
  test("a result that nobody holds goes first and is known to be gone; its bytes follow the next day", async () => {
    const here = await open();
    expect(await here.collector.last()).toBeUndefined();
    const digest = await withResult(here);
    expect(await here.collect()).toMatchObject({ objects: 0, results: 1 });
    expect(await found(here.store)).toEqual({ result: undefined, evicted: true });
    expect(existsSync(here.file(objectName(digest)))).toBe(true);
    here.nextDay();
    expect(await here.collect()).toEqual({ objects: 1, bytes: 13, results: 0 });
    expect(existsSync(here.file(objectName(digest)))).toBe(false);
    expect(await here.collector.last()).toBeGreaterThan(Date.now() - DAY);
  });

  test("a process that does not collect hears of it, and writes what is gone anew", async () => {
    const here = await open();
    await withResult(here);
    const other = here.machine("other");
    const { result } = await found(other);
    if (result === undefined) throw new Error("it was just made");
    await here.collect();
    expect(await found(other)).toEqual({ result: undefined, evicted: true });

    expect(await other.createResult("local", result)).toEqual({ kind: "created" });
    expect(await found(here.machine("third"))).toEqual({ result, evicted: false });
    rmSync(here.file(resultName("local", KEY)));
    const output = { path: "out", kind: "file" as const, digest: digestOf("something else") };
    await here.machine("third").createResult("local", resultOf(KEY, [output]));
    expect(await other.createResult("local", result)).toMatchObject({ kind: "exists", same: false });
  });

  test("whoever may not collect any more takes nothing away, and leaves it to the next", async () => {
    const here = await open();
    await withResult(here);
    expect(await here.collect([], [], AbortSignal.abort())).toEqual({ objects: 0, bytes: 0, results: 0 });
    expect(await here.collector.last()).toBeUndefined();
    expect((await found(here.store)).result).toBeDefined();
    await here.collect();
    here.nextDay();
    expect(await here.collect([], [], AbortSignal.abort())).toMatchObject({ objects: 0 });
    expect(await here.collect()).toMatchObject({ objects: 1 });
  });

  test("bytes stay for a day after the last result that named them, however often somebody collects", async () => {
    const here = await open();
    const digest = await withResult(here);
    expect(await here.collect()).toMatchObject({ objects: 0, results: 1 });
    expect(await here.collect()).toMatchObject({ objects: 0, results: 0 });
    expect(existsSync(here.file(objectName(digest)))).toBe(true);
  });

  test("what a run holds stays: by its record, or while it goes on", async () => {
    const here = await open();
    const digest = await withResult(here);
    const { result } = await found(here.store);
    if (result === undefined) throw new Error("it was just made");
    for (const held of [() => here.collect([digest]), () => here.collect([], [result.made.run])])
      expect(await held()).toEqual({ objects: 0, bytes: 0, results: 0 });
    expect((await found(here.store)).result).toEqual(result);
  });

  test("what persons' own runs made stays longer than what a service would make again", async () => {
    const here = await open();
    const digest = await here.store.putBytes(new TextEncoder().encode("what it wrote"));
    const finishedAt = new Date(Date.now() - 60 * DAY).toISOString();
    for (const domain of ["local", "pr"] as const) {
      const { made, ...result } = resultOf(KEY, [{ path: "out", kind: "file", digest }]);
      await here.store.createResult(domain, { ...result, made: { ...made, domain, finishedAt } });
    }
    here.age(objectName(digest));
    expect(await here.collect()).toEqual({ objects: 0, bytes: 0, results: 1 });
    expect((await found(here.store)).result?.made.domain).toBe("local");
  });

  test("a result without outputs, which nothing tells of, stays as long as artifacts do", async () => {
    const here = await open();
    const { made, ...result } = resultOf(KEY, []);
    const create = (days: number, domain: "main" | "pr") =>
      here.store.createResult(domain, {
        ...result,
        made: { ...made, domain, finishedAt: new Date(Date.now() - days * DAY).toISOString() },
      });
    await create(100, "main");
    await create(200, "pr");
    expect(await here.collect()).toEqual({ objects: 0, bytes: 0, results: 1 });
    expect((await found(here.store)).result?.made.domain).toBe("main");
  });

  test("a directory that is held keeps its files", async () => {
    const here = await open();
    const digest = await withDirectory(here);
    expect(await here.collect([digest])).toMatchObject({ objects: 0 });
    expect(await here.collect()).toMatchObject({ objects: 2 });
  });

  test("bytes that are used anew are young again", async () => {
    for (const size of [20, 200_000]) {
      const here = await open();
      const bytes = new Uint8Array(size).fill(3);
      here.age(objectName(await here.store.putBytes(bytes)));
      const other = here.machine("other");
      await other.putBytes(bytes);
      expect(await here.collect()).toMatchObject({ objects: 0 });
      expect(await other.has(digestOf(bytes))).toBe(true);
    }
  });
}
