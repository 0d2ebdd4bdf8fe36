import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { digestOf, hexOf, type Digest, type Domain, type RunId } from "../../src/identity/identity.ts";
import type { StepResult } from "../../src/key/key-document.ts";
import { settled, type Store } from "../../src/store/store.ts";

const WHY = { who: "ada", reason: "--force train" };

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "sluice-store-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function resultOf(text: string, made: Partial<StepResult["made"]> = {}): StepResult {
  const digest = digestOf(text);
  return {
    result: 1,
    key: digestOf("the key"),
    facts: { outputs: [{ path: "out.txt", kind: "file", digest, size: text.length, files: 1 }], metrics: {} },
    made: {
      run: "0123456789abcdefghjkmnpqrs" as RunId,
      step: "train",
      attempt: 1,
      domain: "local",
      isolation: "sandbox",
      network: false,
      secrets: false,
      finishedAt: "2026-11-24T00:00:00.000Z",
      profile: { wallMs: 1, cpuUserMs: null, cpuSystemMs: null, peakBytes: null, method: "none" },
      log: null,
      ...made,
    },
  };
}

/** The result of `the key` that a domain reads. */
async function resultIn(store: Store, domain: Domain): Promise<StepResult | undefined> {
  const reader = await store.reader(domain);
  return settled(reader, () => reader.result(digestOf("the key")));
}

/**
 * What every adapter of the store port keeps. `open` gives a store in a directory, the same one for the same directory;
 * `objectFile` the one file there that holds the bytes of an object, after every copy of it is gone.
 */
export function storeContract(
  open: (directory: string) => Store,
  objectFile: (directory: string, digest: Digest) => string,
): void {
  describe("bytes", () => {
    test("come back as they went in, by their digest; what is not there is not there", async () => {
      const store = open(scratch());
      for (const bytes of [new Uint8Array(), new TextEncoder().encode("x"), new Uint8Array(100_000).fill(7)]) {
        const digest = await store.putBytes(bytes);
        expect(digest).toBe(digestOf(bytes));
        expect(Buffer.from((await store.read(digest)) ?? "none").equals(bytes)).toBe(true);
        expect(await store.has(digest)).toBe(true);
      }
      expect(await store.read(digestOf("nowhere"))).toBeUndefined();
      expect(await store.has(digestOf("nowhere"))).toBe(false);
    });

    test("that somebody missed take the results with them that name them, until they are there again", async () => {
      const directory = scratch();
      const store = open(directory);
      const digest = await store.putBytes(new TextEncoder().encode("a"));
      await store.createResult("local", resultOf("a"));
      rmSync(objectFile(directory, digest));
      const evicted = async (): Promise<boolean> => {
        const reader = await store.reader("local");
        return settled(reader, () => reader.evicted(digestOf("the key")));
      };
      expect(await resultIn(store, "local")).toBeDefined();

      const missed = await store.materialize({ kind: "file", digest }, join(scratch(), "out"));
      expect(missed).toEqual({ kind: "missing", digest });
      expect(await resultIn(store, "local")).toBeUndefined();
      expect(await evicted()).toBe(true);

      await store.putBytes(new TextEncoder().encode("a"));
      expect(await resultIn(store, "local")).toBeDefined();
      expect(await evicted()).toBe(false);
    });

    test("that rotted are neither read nor handed on", async () => {
      const directory = scratch();
      const store = open(directory);
      for (const size of [20, 200_000]) {
        const digest = await store.putBytes(new Uint8Array(size).fill(size % 256));
        const file = objectFile(directory, digest);
        chmodSync(file, 0o644);
        writeFileSync(file, new Uint8Array(size).fill(1));
        const target = join(directory, `target-${size}`);
        expect(await store.materialize({ kind: "file", digest }, target)).toEqual({ kind: "corrupt", digest });
        expect(existsSync(target)).toBe(false);
        // They have made room for the right ones, and rot again.
        await store.putBytes(new Uint8Array(size).fill(size % 256));
        expect((await store.read(digest))?.byteLength).toBe(size);
        chmodSync(objectFile(directory, digest), 0o644);
        writeFileSync(objectFile(directory, digest), new Uint8Array(size).fill(2));
        expect(await store.read(digest)).toBeUndefined();
        expect(await store.has(digest)).toBe(false);
      }
    });

    test("that rotted are found so by whoever asks at once, and nobody takes the right ones away", async () => {
      const directory = scratch();
      const store = open(directory);
      const right = new Uint8Array(200_000).fill(7);
      const digest = await store.putBytes(right);
      const file = objectFile(directory, digest);
      chmodSync(file, 0o644);
      writeFileSync(file, new Uint8Array(200_000).fill(1));
      const target = (name: string): string => join(directory, name);
      const placed = await Promise.all(
        ["one", "two", "three"].map((name) => store.materialize({ kind: "file", digest }, target(name))),
      );
      expect(placed).toEqual(placed.map(() => ({ kind: "corrupt", digest })));
      await store.putBytes(right);
      expect((await store.read(digest))?.byteLength).toBe(200_000);
    });

    test("are never shared with a copy: writing to what was handed out changes nothing in the store", async () => {
      const directory = scratch();
      const store = open(directory);
      for (const size of [20, 200_000]) {
        const bytes = new Uint8Array(size).fill(5);
        const digest = await store.putBytes(bytes);
        const target = join(directory, "out", String(size));
        expect(await store.materialize({ kind: "executable", digest }, target)).toEqual({ kind: "ok" });
        expect(statSync(target).mode & 0o777).toBe(0o755);
        expect(statSync(target).nlink).toBe(1);
        writeFileSync(target, "changed");
        expect(Buffer.from((await store.read(digest)) ?? "none").equals(bytes)).toBe(true);
      }
    });

    test("of a directory enter and leave whole, with modes and inner links", async () => {
      const directory = scratch();
      const store = open(directory);
      const from = join(directory, "from");
      mkdirSync(join(from, "deep"), { recursive: true });
      writeFileSync(join(from, "deep", "a.txt"), "a");
      writeFileSync(join(from, "run.sh"), "b", { mode: 0o755 });
      symlinkSync("deep/a.txt", join(from, "link"));
      const taken = await store.ingest(from, "reports");
      if (taken.kind !== "ok") throw new Error(taken.kind);
      expect(taken.record).toMatchObject({ path: "reports", kind: "directory", size: 2, files: 3 });
      const target = join(directory, "to");
      expect(await store.materialize(taken.record, target)).toEqual({ kind: "ok" });
      expect(readdirSync(target).sort()).toEqual(["deep", "link", "run.sh"]);
      expect(readFileSync(join(target, "link"), "utf8")).toBe("a");
      expect(statSync(join(target, "run.sh")).mode & 0o100).toBe(0o100);
      expect((await store.listing(taken.record.digest))?.map(({ path }) => path)).toEqual([
        "deep/a.txt",
        "link",
        "run.sh",
      ]);
      expect(store.listingSync(taken.record.digest)).toEqual(await store.listing(taken.record.digest));
    });

    test("show their last bytes, however many there are before them", async () => {
      const directory = scratch();
      const store = open(directory);
      const long = await store.putBytes(Buffer.from("long"));
      chmodSync(objectFile(directory, long), 0o644);
      // More than can be read at once.
      truncateSync(objectFile(directory, long), 3 * 2 ** 30);
      appendFileSync(objectFile(directory, long), "the end");
      expect(Buffer.from((await store.tail(long, 7)) ?? []).toString()).toBe("the end");
      const short = await store.putBytes(Buffer.from("all"));
      expect(Buffer.from((await store.tail(short, 7)) ?? []).toString()).toBe("all");
      expect(await store.tail(digestOf("none"), 7)).toBeUndefined();
    });

    test("are looked at before they are taken, and never by way of a link", async () => {
      const store = open(scratch());
      const workspace = scratch();
      const elsewhere = scratch();
      mkdirSync(join(workspace, "out", "deep"), { recursive: true });
      writeFileSync(join(workspace, "out", "deep", "a.json"), "1");
      writeFileSync(join(elsewhere, "a.json"), "2");
      symlinkSync(elsewhere, join(workspace, "out", "link"));
      symlinkSync(join(elsewhere, "a.json"), join(workspace, "out", "a.json"));
      expect(await store.peek(workspace, "out/deep/a.json", 1)).toEqual({ kind: "ok", bytes: Buffer.from("1") });
      for (const path of ["out/link/a.json", "out/a.json", "out/none.json", "out/deep/a.json/b", "out"])
        expect([path, await store.peek(workspace, path, 1)]).toEqual([path, { kind: "absent" }]);
      // Larger than can be read at once, and of no byte on the disk.
      truncateSync(join(workspace, "out", "deep", "a.json"), 3 * 2 ** 30);
      expect(await store.peek(workspace, "out/deep/a.json", 1_000)).toEqual({ kind: "too-large", size: 3 * 2 ** 30 });
    });

    test("that lie too deep to be named are refused", async () => {
      const store = open(scratch());
      const from = scratch();
      const script = "n=$(printf %0240d 0); for i in {1..20}; do mkdir $n && cd $n || exit; done; echo x > x";
      execFileSync("bash", ["-c", script], { cwd: from });
      onTestFinished(() => void execFileSync("rm", ["-rf", from]));
      expect(await store.ingest(from, "reports")).toEqual({
        kind: "refused",
        why: "something in it lies too deep to be named",
      });
    });

    test("whose name is not UTF-8 are refused, with the name as far as it can be read", async () => {
      const store = open(scratch());
      const from = scratch();
      execFileSync("bash", ["-c", "mkdir a; touch a/$'b\\xffc'"], { cwd: from });
      expect(await store.ingest(from, "reports")).toEqual({
        kind: "refused",
        why: "the name of `a/b\uFFFDc` is not UTF-8",
      });
    });

    test("behind a link that leaves the directory are refused, with the link named", async () => {
      const directory = scratch();
      const from = join(directory, "from");
      mkdirSync(from);
      symlinkSync("/etc/passwd", join(from, "link"));
      expect(await open(directory).ingest(from, "reports")).toMatchObject({
        kind: "refused",
        why: expect.stringContaining("link") as string,
      });
      expect(await open(directory).ingest(join(directory, "nothing"), "x")).toEqual({ kind: "absent" });
    });

    test.skipIf(!mayMount())("that do not fit are said not to fit, and leave nothing behind", async () => {
      const directory = scratch();
      const small = join(directory, "small");
      mkdirSync(small);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=300k", "tmpfs", small]);
      onTestFinished(() => void execFileSync("umount", [small]));
      const store = open(small);
      const large = join(directory, "large");
      writeFileSync(large, new Uint8Array(1_000_000).fill(3));
      expect(await store.ingest(large, "large")).toEqual({ kind: "disk-full" });
      expect(await store.has(digestOf(new Uint8Array(1_000_000).fill(3)))).toBe(false);
      expect(await store.read(await store.putBytes(new Uint8Array([1])))).toBeDefined();
    });
  });

  describe("results", () => {
    test("are created once: the first stays, equal ones change nothing, others are told apart", async () => {
      const directory = scratch();
      const store = open(directory);
      expect(await store.createResult("local", resultOf("a"))).toEqual({ kind: "created" });
      expect(await store.createResult("local", resultOf("a", { step: "renamed" }))).toMatchObject({
        kind: "exists",
        same: true,
      });
      expect(await store.createResult("local", resultOf("b"))).toMatchObject({ kind: "exists", same: false });
      for (const one of [store, open(directory)])
        expect((await resultIn(one, "local"))?.facts).toEqual(resultOf("a").facts);
    });

    test("of twenty that come at once one is the result", async () => {
      const directory = scratch();
      const made = await Promise.all(
        Array.from({ length: 20 }, (_, at) => open(directory).createResult("local", resultOf(String(at)))),
      );
      expect(made.filter(({ kind }) => kind === "created")).toHaveLength(1);
    });

    test("of a forced step take the place of the first by a revocation", async () => {
      const store = open(scratch());
      await store.createResult("local", resultOf("a"));
      await store.revoke("local", { old: resultOf("a"), now: resultOf("b"), why: WHY });
      expect((await resultIn(store, "local"))?.facts).toEqual(resultOf("b").facts);
    });

    test("are read by whom SEMANTICS §4 lets, and by nobody else", async () => {
      const readers: Readonly<Record<string, readonly Domain[]>> = {
        main: ["main", "pr", "local", "fork/1"],
        pr: ["main", "pr", "local"],
        local: ["local"],
        "fork/1": ["fork/1"],
      };
      const all: readonly Domain[] = ["main", "pr", "local", "fork/1", "fork/2"];
      for (const [domain, may] of Object.entries(readers)) {
        const store = open(scratch());
        await store.createResult(domain as Domain, resultOf("a", { domain: domain as Domain }));
        const seen: Domain[] = [];
        for (const reader of all) if ((await resultIn(store, reader)) !== undefined) seen.push(reader);
        const forks = domain === "main" ? [...may, "fork/2" as const] : may;
        expect([domain, seen]).toEqual([domain, forks]);
      }
    });

    test("of a pull request reach main only where nothing could have tampered with them", async () => {
      for (const [made, readable] of [
        [{ isolation: "sandbox" }, true],
        [{ isolation: "workspace" }, false],
        [{ isolation: "sandbox", network: true }, false],
        [{ isolation: "sandbox", secrets: true }, false],
      ] as const) {
        const store = open(scratch());
        await store.createResult("pr", resultOf("a", { domain: "pr", ...made }));
        expect((await resultIn(store, "main")) !== undefined).toBe(readable);
      }
    });

    test("are judged as what took their place was made", async () => {
      const store = open(scratch());
      await store.createResult("pr", resultOf("a", { domain: "pr" }));
      const now = resultOf("b", { domain: "pr", isolation: "workspace" });
      await store.revoke("pr", { old: resultOf("a", { domain: "pr" }), now, why: WHY });
      expect((await resultIn(store, "pr"))?.facts).toEqual(now.facts);
      expect(await resultIn(store, "main")).toBeUndefined();
    });

    test("are written by their own domain only, whatever they say of themselves", async () => {
      const store = open(scratch());
      const upward = resultOf("a", { domain: "fork/1" });
      await expect(store.createResult("main", upward)).rejects.toThrow("nobody writes into another domain");
      const claims = resultOf("a", { domain: "main" });
      await expect(store.createResult("pr", claims)).rejects.toThrow("nobody writes into another domain");
      await store.createResult("main", claims);
      await expect(store.revoke("main", { old: claims, now: upward, why: WHY })).rejects.toThrow(
        "nobody writes into another domain",
      );
      expect((await resultIn(store, "main"))?.facts).toEqual(claims.facts);
    });
  });
}

/** A file system of a fixed size needs root. */
function mayMount(): boolean {
  const root = process.platform === "linux" && process.getuid?.() === 0;
  if (!root) process.stdout.write("skipped: a full disk is tried on a small tmpfs, which needs root\n");
  return root;
}

/** For adapters that name files by digest. */
export function hexPath(directory: string, digest: Digest): string {
  const hex = hexOf(digest);
  return join(directory, "objects", hex.slice(0, 2), hex.slice(2));
}
