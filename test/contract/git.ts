import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import type { Appended, Git, LedgerCommit } from "../../src/git/git.ts";
import { openGit } from "../../src/git/open-git.ts";
import { byUtf8 } from "../../src/identity/canonical-json.ts";
import { parseCommitSha, type CommitSha } from "../../src/identity/identity.ts";
import { repository, type Bench } from "../sluice.ts";
import { httpRemote } from "./http-remote.ts";

export const LEDGER = "refs/sluice/local";

/** Names that break what is careless with quotes, white space, options or encodings. */
const WEIRD = [
  "-n",
  "--help",
  "a b",
  "tab\there",
  "line\nfeed",
  "quo\"te's",
  "back\\slash",
  "ünïcode",
  "日本語",
  "\u{1f600} and \uff5e",
  "star*[x]?",
  "$(touch x)",
  ":colon",
  "dir with space/-x",
  "#hash",
];

export async function opened(root: string, adapter: Git["adapter"]): Promise<Git> {
  const found = await openGit(root, adapter);
  if (found.kind === "refused") throw new Error(found.why);
  return found.git;
}

export function sha(text: string): CommitSha {
  const found = parseCommitSha(text.trim());
  if (found === undefined) throw new Error(`${text} is no commit id`);
  return found;
}

export function commitOf(files: Readonly<Record<string, string>>, changes: Partial<LedgerCommit> = {}): LedgerCommit {
  return {
    files: new Map(Object.entries(files).map(([path, text]) => [path, new TextEncoder().encode(text)])),
    message: "digits: succeeded\n\nSluice-Pipeline: digits\n",
    author: { name: "sluice", email: "sluice@localhost" },
    time: 1_790_000_000,
    ...changes,
  };
}

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

/** What every adapter of the git port keeps. */
export function gitContract(adapter: Git["adapter"]): void {
  // isomorphic-git takes a backslash in a name for an attack on Windows, and refuses the whole tree.
  const weird = WEIRD.filter((name) => adapter === "native" || !name.includes("\\"));
  const at = (bench: Bench): Promise<Git> => opened(bench.root, adapter);

  describe("reading", () => {
    test("a repository without a commit", async () => {
      const bench = repository({ "a.txt": "a", "b.txt": "b" });
      bench.git("add", "a.txt");
      const git = await at(bench);
      expect(await git.head()).toEqual({ commit: null, branch: "main" });
      expect(await git.rootCommit()).toBeNull();
      expect(await git.resolve("HEAD")).toBeUndefined();
      expect((await git.tracked()).map((entry) => entry.path)).toEqual(["a.txt"]);
      expect(await git.untracked()).toEqual(["b.txt"]);
      expect(await git.log("refs/sluice/local")).toEqual([]);
    });

    test("nothing at all", async () => {
      const git = await at(repository());
      expect(await git.tracked()).toEqual([]);
      expect(await git.untracked()).toEqual([]);
    });

    test("a detached HEAD has no branch", async () => {
      const bench = repository({ "a.txt": "a" });
      bench.commit();
      bench.git("checkout", "-q", "--detach");
      expect(await (await at(bench)).head()).toEqual({ commit: sha(bench.git("rev-parse", "HEAD")), branch: null });
    });

    test("names of a commit", async () => {
      const bench = repository({ "a.txt": "a" });
      bench.commit("one");
      const first = sha(bench.git("rev-parse", "HEAD"));
      bench.git("tag", "-a", "-m", "annotated", "v1");
      bench.git("tag", "light");
      bench.git("checkout", "-q", "-b", "feature/x");
      bench.commit("two");
      const second = sha(bench.git("rev-parse", "HEAD"));
      bench.git("update-ref", "refs/remotes/origin/main", first);
      bench.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main");
      for (const packed of [false, true]) {
        if (packed) bench.git("pack-refs", "--all");
        const git = await at(bench);
        for (const name of [
          "v1",
          "light",
          "refs/tags/v1",
          "refs/heads/main",
          "main",
          "refs/remotes/origin/HEAD",
          first,
          first.slice(0, 9),
          "HEAD~1",
          "HEAD^",
          "feature/x~1",
        ]) {
          expect([name, await git.resolve(name)]).toEqual([name, first]);
        }
        for (const name of ["HEAD", "feature/x", "refs/heads/feature/x"])
          expect([name, await git.resolve(name)]).toEqual([name, second]);
        for (const name of ["none", "refs/heads/none", "-v", "--all", "refs/heads/../../HEAD", "HEAD~9", "abcd", ""]) {
          expect([name, await git.resolve(name)]).toEqual([name, undefined]);
        }
      }
      const git = await at(bench);
      expect(await git.resolve(bench.git("rev-parse", "HEAD:a.txt").trim().slice(0, 12))).toBeUndefined();
    });

    test("ancestry", async () => {
      const bench = repository();
      for (const name of ["one", "two", "three"]) bench.commit(name);
      const [three, two, one] = bench.git("rev-list", "HEAD").trim().split("\n").map(sha);
      if (one === undefined || two === undefined || three === undefined) throw new Error("three commits");
      bench.git("checkout", "-q", "-b", "side", two);
      bench.commit("side");
      const side = sha(bench.git("rev-parse", "HEAD"));
      bench.git("checkout", "-q", "main");
      bench.git("merge", "-q", "--no-ff", "-m", "merge", "side");
      bench.git("checkout", "-q", "--orphan", "other");
      bench.commit("other");
      const other = sha(bench.git("rev-parse", "HEAD"));
      bench.git("checkout", "-q", "main");
      const git = await at(bench);
      const merge = sha(bench.git("rev-parse", "HEAD"));
      expect(await git.mergeBase(three, side)).toBe(two);
      expect(await git.mergeBase(three, other)).toBeUndefined();
      expect(await git.firstParents(merge, 10)).toEqual([merge, three, two, one]);
      expect(await git.firstParents(merge, 2)).toEqual([merge, three]);
      expect(await git.rootCommit()).toBe(one);
    });

    test("every kind of entry and every weird name", async () => {
      const bench = repository();
      for (const name of weird) bench.write(name, `of ${name}`);
      bench.write("run.sh", "#!/bin/sh\n");
      chmodSync(join(bench.root, "run.sh"), 0o755);
      symlinkSync("run.sh", join(bench.root, "link"));
      bench.commit();
      bench.git("update-index", "--add", "--cacheinfo", `160000,${bench.git("rev-parse", "HEAD").trim()},module`);
      bench.git("commit", "-q", "-m", "module");
      const git = await at(bench);
      const commit = sha(bench.git("rev-parse", "HEAD"));
      const tree = await git.tree(commit);
      expect(tree.map((entry) => entry.path)).toEqual([...weird, "run.sh", "link", "module"].sort(byUtf8));
      const kinds = Object.fromEntries(
        tree.filter((entry) => entry.kind !== "file").map(({ path, kind }) => [path, kind]),
      );
      expect(kinds).toEqual({ "run.sh": "executable", link: "link", module: "submodule" });
      expect(new Map((await git.tracked()).map((entry) => [entry.path, entry]))).toEqual(
        new Map(tree.map((entry) => [entry.path, entry])),
      );
      const files = await git.files(commit, [...weird, "absent", "dir with space", "module"]);
      expect(Object.fromEntries([...files].map(([path, bytes]) => [path, text(bytes)]))).toEqual(
        Object.fromEntries(weird.map((name) => [name, `of ${name}`])),
      );
      for (const name of weird) expect(text(await git.file(commit, name))).toBe(`of ${name}`);
      expect(await git.file(commit, "absent")).toBeUndefined();
      const blobs = tree.filter((entry) => entry.kind !== "submodule").map((entry) => entry.blob);
      const read: string[] = [];
      await git.blobs(blobs, (id, bytes) => read.push(`${id} ${bytes.byteLength}`));
      expect(read.map((line) => line.slice(0, 40))).toEqual(blobs);
      for (const entry of tree.slice(0, 3)) expect(text(await git.blob(entry.blob))).toBe(`of ${entry.path}`);
    });

    test("large blobs and empty ones come whole and in order", async () => {
      const bench = repository();
      const sizes = [0, 1, 65_535, 65_536, 65_537, 3_000_000, 0, 10];
      sizes.forEach((size, nth) =>
        writeFileSync(join(bench.root, `f${nth}`), Buffer.alloc(size, nth % 2 === 0 ? "\n" : "x")),
      );
      bench.commit();
      const git = await at(bench);
      const paths = sizes.map((_, nth) => `f${nth}`);
      const files = await git.files(sha(bench.git("rev-parse", "HEAD")), paths);
      const same = paths.filter(
        (path) =>
          files.get(path) !== undefined &&
          readFileSync(join(bench.root, path)).equals(files.get(path) ?? Buffer.alloc(0)),
      );
      expect(same).toEqual(paths);
    });

    test("a missing blob is an exception", async () => {
      const bench = repository({ "a.txt": "a" });
      bench.commit();
      const git = await at(bench);
      const [entry] = await git.tracked();
      if (entry === undefined) throw new Error("one file");
      rmSync(join(bench.root, ".git", "objects", entry.blob.slice(0, 2), entry.blob.slice(2)));
      await expect(git.blobs([entry.blob], () => undefined)).rejects.toThrow(/not in|find/);
    });

    test("untracked files: ignored ones, foreign repositories and .sluice are not among them", async () => {
      const bench = repository({ ".gitignore": "*.log\n/out/\n!keep.log\n", "kept/.gitignore": "secret\n" });
      bench.commit();
      for (const name of [
        ...weird,
        "x.log",
        "keep.log",
        "out/y",
        "kept/secret",
        "kept/open",
        "deep/er/file",
        "personal",
      ])
        bench.write(name, "u");
      bench.write(".git/info/exclude", "personal\n/.sluice/\n");
      bench.write(".sluice/cache/x", "x");
      mkdirSync(join(bench.root, "foreign"));
      bench.git("init", "-q", "foreign");
      bench.write("foreign/file", "f");
      const git = await at(bench);
      expect(await git.untracked()).toEqual([...weird, "keep.log", "kept/open", "deep/er/file"].sort(byUtf8));
    });

    test("the listing's stamp follows files, not bytes", async () => {
      const bench = repository({ "a.txt": "a" });
      bench.commit();
      const before = await (await at(bench)).listingStamp();
      bench.write("a.txt", "changed");
      expect(await (await at(bench)).listingStamp()).toBe(before);
      // What we keep for ourselves is nothing of the person's, whether git was told so or not.
      bench.write(".sluice/cache/plan.json", "{}");
      expect(await (await at(bench)).listingStamp()).toBe(before);
      expect(await (await at(bench)).untracked()).not.toContain(".sluice/cache/plan.json");
      bench.write("new.txt", "n");
      const untracked = await (await at(bench)).listingStamp();
      expect(untracked).not.toBe(before);
      bench.git("add", "new.txt");
      expect([before, untracked]).not.toContain(await (await at(bench)).listingStamp());
    });

    test("added files of a commit", async () => {
      const bench = repository({ "a.txt": "a", "d/b.txt": "b" });
      bench.commit();
      const first = sha(bench.git("rev-parse", "HEAD"));
      bench.write("a.txt", "changed");
      bench.write("d/new file", "n");
      bench.commit();
      const git = await at(bench);
      expect(await git.added(first)).toEqual(["a.txt", "d/b.txt"]);
      expect(await git.added(sha(bench.git("rev-parse", "HEAD")))).toEqual(["d/new file"]);
    });

    test("5,000 files", async () => {
      const bench = repository();
      for (let nth = 0; nth < 5_000; nth++) bench.write(`d${nth % 50}/f${nth}.txt`, `${nth}`);
      bench.commit();
      const git = await at(bench);
      expect(await git.tracked()).toHaveLength(5_000);
      expect(await git.tree(sha(bench.git("rev-parse", "HEAD")))).toHaveLength(5_000);
      expect(await git.untracked()).toEqual([]);
    });
  });

  describe("the ledger", () => {
    test("begins without a parent, goes on, and is clean to fsck, log and clone", async () => {
      const bench = repository({ "a.txt": "a" });
      bench.commit();
      const before = bench.git("status", "--porcelain");
      const git = await at(bench);
      const one = await git.append(LEDGER, null, [
        commitOf({ "ledger.json": "{}\n", "runs/ab/cd/x/manifest.json": "1" }),
      ]);
      if (one.kind !== "appended") throw new Error("overtaken");
      const two = await git.append(LEDGER, one.head, [
        commitOf({ "runs/ab/cd/y/manifest.json": "2" }, { message: "second · größer" }),
        commitOf({ "runs/ef/gh/z w/manifest.json": "3" }, { time: 1_790_000_060 }),
      ]);
      if (two.kind !== "appended") throw new Error("overtaken");
      expect(two.commits).toHaveLength(2);
      expect(two.commits.at(-1)).toBe(two.head);
      expect(await git.resolve(LEDGER)).toBe(two.head);
      expect((await git.tree(two.head)).map((entry) => entry.path)).toEqual([
        "ledger.json",
        "runs/ab/cd/x/manifest.json",
        "runs/ab/cd/y/manifest.json",
        "runs/ef/gh/z w/manifest.json",
      ]);
      expect(
        (await git.log(LEDGER)).map(({ sha: id, parents, message, time }) => [
          id,
          parents,
          message.split("\n")[0],
          time,
        ]),
      ).toEqual([
        [two.head, [two.commits[0]], "digits: succeeded", 1_790_000_060],
        [two.commits[0], [one.head], "second · größer", 1_790_000_000],
        [one.head, [], "digits: succeeded", 1_790_000_000],
      ]);
      expect((await git.log(LEDGER, one.head)).map((entry) => entry.sha)).toEqual([...two.commits].reverse());
      expect(await git.log(LEDGER, sha("0123456789".repeat(4)))).toHaveLength(3);
      const most = { commits: 3, bytes: 1_000 };
      expect(await git.line(two.head, most)).toEqual(await git.log(LEDGER));
      expect(await git.line(two.head, { ...most, commits: 2 })).toBeUndefined();
      expect(await git.line(two.head, { ...most, bytes: 100 })).toBeUndefined();
      const parents = ["-p", two.head, "-p", one.head];
      const merge = bench.git("commit-tree", `${two.head}^{tree}`, ...parents, "-m", "merge").trim();
      expect(await git.line(sha(merge), { ...most, commits: 9 })).toBeUndefined();
      const files = ["ledger.json", "runs/ab/cd/x/manifest.json", "absent"];
      expect([...(await git.files(two.head, files, 1)).keys()]).toEqual(["runs/ab/cd/x/manifest.json"]);
      expect(await git.added(two.head)).toEqual(["runs/ef/gh/z w/manifest.json"]);
      bench.git("fsck", "--strict", "--no-dangling");
      expect(bench.git("log", "-1", "--format=%an <%ae> %cn %ct %ai", LEDGER).trim()).toBe(
        "sluice <sluice@localhost> sluice 1790000060 2026-09-21 14:14:20 +0000",
      );
      expect(
        bench
          .git(
            "log",
            "--format=%(trailers:key=Sluice-Pipeline,valueonly)",
            "--grep",
            "^Sluice-Pipeline: digits$",
            LEDGER,
          )
          .trim()
          .split(/\n+/),
      ).toEqual(["digits", "digits"]);
      expect(bench.git("status", "--porcelain")).toBe(before);
    });

    test("equal orders have equal ids whoever writes them", async () => {
      const orders = [
        commitOf(
          { "a/b": "1", "a-b": "2", "a.b": "3", a0: "4" },
          { message: "no end of line", author: { name: " Ä <x>\n ", email: "" } },
        ),
        commitOf({ "a/c": "5", "ünï/日本": "6" }, { message: "\nblank lines\n\nSluice-Run: x\n\n\n" }),
      ];
      const bench = repository();
      const here = await (await at(bench)).append(LEDGER, null, orders);
      const twin = repository();
      const there = await (
        await opened(twin.root, adapter === "native" ? "isomorphic" : "native")
      ).append(LEDGER, null, orders);
      expect(here).toEqual(there);
      bench.git("fsck", "--strict", "--no-dangling");
    });

    test("many files, and few on top of what git has packed since", async () => {
      const bench = repository();
      const many = Object.fromEntries(
        Array.from({ length: 120 }, (_, nth) => [`keys/${nth % 7}/${nth}.json`, `{"key":${nth}}`]),
      );
      const git = await at(bench);
      const one = await git.append(LEDGER, null, [commitOf(many)]);
      if (one.kind !== "appended") throw new Error("overtaken");
      bench.git("pack-refs", "--all");
      bench.git("gc", "-q", "--prune=now");
      // A file where a directory was, and a directory where a file was.
      const two = await git.append(LEDGER, one.head, [
        commitOf({ "keys/3": "a file now", "keys/4/4.json/deep": "a directory now", "new/a": "x" }),
      ]);
      if (two.kind !== "appended") throw new Error("overtaken");
      expect(text(await git.file(two.head, "keys/3"))).toBe("a file now");
      expect(text(await git.file(two.head, "keys/4/4.json/deep"))).toBe("a directory now");
      expect(text(await git.file(two.head, "keys/5/5.json"))).toBe('{"key":5}');
      expect(await git.file(two.head, "keys/5")).toBeUndefined();
      expect(await git.file(two.head, "keys/none.json")).toBeUndefined();
      expect(bench.git("rev-parse", LEDGER).trim()).toBe(two.head);
      bench.git("fsck", "--strict", "--no-dangling");
    });

    test("is not moved by one who knew another head", async () => {
      const git = await at(repository());
      const one = await git.append(LEDGER, null, [commitOf({ a: "1" })]);
      if (one.kind !== "appended") throw new Error("overtaken");
      expect(await git.append(LEDGER, null, [commitOf({ b: "2" })])).toEqual({ kind: "overtaken", head: one.head });
      const two = await git.append(LEDGER, one.head, [commitOf({ b: "2" })]);
      if (two.kind !== "appended") throw new Error("overtaken");
      expect(await git.append(LEDGER, one.head, [commitOf({ c: "3" })])).toEqual({ kind: "overtaken", head: two.head });
      expect(await git.append("refs/sluice/other", one.head, [commitOf({ c: "3" })])).toEqual({
        kind: "overtaken",
        head: null,
      });
    });

    test("of eight at once that knew the same head one wins", async () => {
      const bench = repository();
      const gits = await Promise.all(Array.from({ length: 8 }, () => at(bench)));
      let head: CommitSha | null = null;
      for (const round of [0, 1, 2]) {
        const expected: CommitSha | null = head;
        const answers: readonly Appended[] = await Promise.all(
          gits.map((git, nth) => git.append(LEDGER, expected, [commitOf({ [`r${round}/w${nth}`]: `${nth}` })])),
        );
        const won = answers.flatMap((answer) => (answer.kind === "appended" ? [answer.head] : []));
        expect(won).toHaveLength(1);
        head = won[0] ?? null;
        expect(await gits[0]?.resolve(LEDGER)).toBe(head);
      }
      expect(bench.git("rev-list", "--count", LEDGER).trim()).toBe("3");
      bench.git("fsck", "--strict", "--no-dangling");
    });
  });

  describe("pushing over HTTP", () => {
    test("a ledger arrives, a rival is never overwritten", async () => {
      const remote = await httpRemote();
      const bench = repository();
      bench.git("remote", "add", "origin", remote.url);
      const git = await at(bench);
      const one = await git.append(LEDGER, null, [commitOf({ a: "1" }), commitOf({ b: "2" })]);
      if (one.kind !== "appended") throw new Error("overtaken");
      expect(await git.push("origin", [{ from: LEDGER, to: "refs/heads/sluice/ledger" }])).toEqual({ kind: "pushed" });
      expect(remote.git("rev-parse", "refs/heads/sluice/ledger").trim()).toBe(one.head);

      const rival = await at(repository());
      await rival.append(LEDGER, null, [commitOf({ other: "1" })]);
      expect(await rival.push(remote.url, [{ from: LEDGER, to: "refs/heads/sluice/ledger" }])).toMatchObject({
        kind: "rejected",
        why: expect.stringMatching(/./),
      });
      expect(remote.git("rev-parse", "refs/heads/sluice/ledger").trim()).toBe(one.head);
      remote.git("fsck", "--strict");
    });

    test("moves one ref and deletes another in one order", async () => {
      const remote = await httpRemote();
      const bench = repository({ "a.txt": "a" });
      bench.commit();
      const git = await at(bench);
      await git.append("refs/sluice/runs/x", null, [commitOf({ request: "1" })]);
      await git.append(LEDGER, null, [commitOf({ a: "1" })]);
      expect(await git.push(remote.url, [{ from: "refs/sluice/runs/x", to: "refs/sluice/runs/x" }])).toEqual({
        kind: "pushed",
      });
      const order = [
        { from: "", to: "refs/sluice/runs/x" },
        { from: LEDGER, to: "refs/heads/sluice/ledger" },
      ];
      expect(await git.push(remote.url, order)).toEqual({ kind: "pushed" });
      expect(remote.git("for-each-ref", "--format=%(refname)").trim()).toBe("refs/heads/sluice/ledger");
    });

    test("an unreachable remote is an answer", async () => {
      const bench = repository();
      const git = await at(bench);
      await git.append(LEDGER, null, [commitOf({ a: "1" })]);
      expect(await git.push("http://127.0.0.1:9/none.git", [{ from: LEDGER, to: "refs/heads/x" }])).toMatchObject({
        kind: "rejected",
      });
    });
  });

  describe("places", () => {
    test("is found from a directory below", async () => {
      const bench = repository({ "deep/er/file": "x" });
      const git = await opened(join(bench.root, "deep", "er"), adapter);
      expect(git.root).toBe(bench.root);
      expect(await git.untracked()).toEqual(["deep/er/file"]);
    });

    test("the caller's git environment stays outside", async () => {
      const bench = repository({ "a.txt": "a" });
      bench.commit();
      const other = repository({ "b.txt": "b" });
      other.commit();
      process.env["GIT_DIR"] = join(other.root, ".git");
      process.env["GIT_INDEX_FILE"] = join(other.root, ".git", "index");
      process.env["GIT_WORK_TREE"] = other.root;
      onTestFinished(() => ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"].forEach((name) => delete process.env[name]));
      const git = await at(bench);
      expect((await git.tracked()).map((entry) => entry.path)).toEqual(["a.txt"]);
      expect((await git.append(LEDGER, null, [commitOf({ a: "1" })])).kind).toBe("appended");
      expect(other.git("for-each-ref", "refs/sluice")).toBe("");
    });

    test("a submodule's work tree is a repository of its own", async () => {
      const inner = repository({ "in.txt": "i" });
      inner.commit();
      const outer = repository();
      outer.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", inner.root, "sub");
      const git = await opened(join(outer.root, "sub"), adapter);
      expect((await git.tracked()).map((entry) => entry.path)).toEqual(["in.txt"]);
      expect((await git.append(LEDGER, null, [commitOf({ a: "1" })])).kind).toBe("appended");
      expect(await git.resolve(LEDGER)).toBeDefined();
    });
  });
}
