import { appendFileSync, chmodSync, chownSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { commitView } from "../../src/git/commit-view.ts";
import { openGit } from "../../src/git/open-git.ts";
import { workTreeView } from "../../src/git/work-tree-view.ts";
import { digestOf, type Digest } from "../../src/identity/identity.ts";
import { commitOf, gitContract, LEDGER, opened, sha } from "../contract/git.ts";
import { httpRemote } from "../contract/http-remote.ts";
import { repository, type Bench } from "../sluice.ts";

describe("native git", () => {
  gitContract("native");
});

/** What `cleaned` says of every file, as text. */
async function cleaned(bench: Bench): Promise<Readonly<Record<string, string>>> {
  const git = await opened(bench.root, "native");
  const paths = [...(await git.tracked()).map((entry) => entry.path), ...(await git.untracked())];
  const objects = bench.git("count-objects", "-v");
  const found = await git.cleaned(paths);
  expect(bench.git("count-objects", "-v")).toBe(objects);
  return Object.fromEntries([...found].map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]));
}

/** Law: what is clean to git has in the work tree the digest it has in its commit. */
async function bothViews(
  bench: Bench,
): Promise<readonly [Readonly<Record<string, Digest>>, Readonly<Record<string, Digest>>]> {
  const git = await opened(bench.root, "native");
  const paths = (await git.tracked()).map((entry) => entry.path);
  const edited = await workTreeView(git, (path) => {
    const bytes = readFileSync(path);
    return { digest: digestOf(bytes), size: bytes.byteLength, executable: false };
  }).facts(paths);
  const known = new Map<string, { digest: Digest; size: number }>();
  const view = commitView(git, sha(bench.git("rev-parse", "HEAD")), {
    get: (id) => known.get(id),
    set: (id, digest, size) => void known.set(id, { digest, size }),
  });
  const committed = await view.facts(paths);
  const digests = (facts: typeof edited): Record<string, Digest> =>
    Object.fromEntries([...facts].map(([path, fact]) => [path, fact.digest]));
  expect(digests(await view.facts(paths))).toEqual(digests(committed));
  return [digests(edited), digests(committed)];
}

/** Which tracked files are Git-LFS pointers: as they stand here, and as they are committed. */
async function pointersOf(bench: Bench): Promise<readonly (readonly string[])[]> {
  const git = await opened(bench.root, "native");
  const paths = (await git.tracked()).map((entry) => entry.path);
  const views = [
    workTreeView(git, () => undefined),
    commitView(git, sha(bench.git("rev-parse", "HEAD")), { get: () => undefined, set: () => undefined }),
  ];
  return Promise.all(views.map(async (view) => [...((await view.pointers?.(paths)) ?? [])]));
}

describe("clean filters", () => {
  test("nothing is asked where nothing converts", async () => {
    const bench = repository({ "a.txt": "a\r\n" });
    bench.commit();
    expect(await cleaned(bench)).toEqual({});
  });

  test("text=auto gives LF for text, leaves binary alone, and what is committed with CRLF", async () => {
    const bench = repository({ "old.txt": "kept\r\n" });
    bench.commit();
    bench.write(".gitattributes", "* text=auto\nraw.txt -text\n");
    bench.write("lf.txt", "a\nb\n");
    bench.write("crlf.txt", "a\r\nb\r\n");
    bench.write("raw.txt", "a\r\n");
    bench.write("binary", "a\0\r\n");
    bench.write("dir/new file", "new\r\n");
    expect(await cleaned(bench)).toEqual({ "crlf.txt": "a\nb\n", "dir/new file": "new\n" });
    bench.commit();
    expect(await cleaned(bench)).toEqual({ "crlf.txt": "a\nb\n", "dir/new file": "new\n" });
    const [edited, committed] = await bothViews(bench);
    expect(edited).toEqual(committed);
    expect(bench.git("status", "--porcelain")).toBe("");
  });

  test.each(["true", "input"])("core.autocrlf=%s without attributes", async (value) => {
    const bench = repository();
    bench.git("config", "core.autocrlf", value);
    bench.git("config", "core.safecrlf", "true");
    bench.write("crlf.txt", "a\r\n");
    bench.write("mixed.txt", "a\r\nb\n");
    expect(await cleaned(bench)).toEqual({ "crlf.txt": "a\n", "mixed.txt": "a\nb\n" });
  });

  test("a filter of the person's, an encoding and ident", async () => {
    const bench = repository();
    bench.git("config", "filter.upper.clean", "tr a-z A-Z");
    bench.write(
      ".gitattributes",
      "*.up filter=upper\n*.none filter=nobody\n*.u16 working-tree-encoding=UTF-16LE eol=lf\n*.id ident\n",
    );
    bench.write("x.up", "loud\n");
    bench.write("already.up", "LOUD\n");
    bench.write("x.none", "same\n");
    writeFileSync(join(bench.root, "x.u16"), Buffer.from("hi\n", "utf16le"));
    bench.write("x.id", "$Id: 0123 $\n");
    expect(await cleaned(bench)).toEqual({ "x.up": "LOUD\n", "x.u16": "hi\n", "x.id": "$Id$\n" });
    bench.commit();
    const [edited, committed] = await bothViews(bench);
    expect(edited).toEqual(committed);
  });

  test("a Git-LFS file has the digest of its object, smudged, as a pointer, and committed", async () => {
    const body = "big bytes\n".repeat(200);
    const oid = digestOf(body).slice("sha256:".length);
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${body.length}\n`;
    const bench = repository({ ".gitattributes": "*.bin filter=lfs -text\n", "pointer.bin": pointer });
    bench.commit();
    expect(
      await bothViews(bench).then(([edited, committed]) => [edited["pointer.bin"], committed["pointer.bin"]]),
    ).toEqual([digestOf(body), digestOf(body)]);
    bench.write(".git/clean.sh", `#!/bin/sh\ncat >/dev/null\ncat <<'END'\n${pointer}END\n`);
    chmodSync(join(bench.root, ".git", "clean.sh"), 0o755);
    bench.git("config", "filter.lfs.clean", ".git/clean.sh");
    bench.write("pointer.bin", body);
    expect(await cleaned(bench)).toEqual({ "pointer.bin": pointer });
    const [edited, committed] = await bothViews(bench);
    expect(edited["pointer.bin"]).toBe(digestOf(body));
    expect(edited).toEqual(committed);
  });

  test("pointers are told apart from their objects where attributes name the filter, in a work tree and in a commit", async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid ${digestOf("big")}\nsize 200000\n`;
    const bench = repository({
      "data/pointer.bin": pointer,
      "data/small.bin": "bytes\n",
      "large.bin": "b".repeat(2000),
    });
    bench.commit();
    expect(await pointersOf(bench)).toEqual([[], []]);
    bench.write("data/.gitattributes", "*.bin filter=lfs -text\n");
    bench.commit("attributes");
    expect(await pointersOf(bench)).toEqual([["data/pointer.bin"], ["data/pointer.bin"]]);
    bench.write("data/pointer.bin", "big");
    expect(await pointersOf(bench)).toEqual([[], ["data/pointer.bin"]]);
  });

  test("an edit within the tick of the index is seen", async () => {
    const bench = repository({ ".gitattributes": "* text=auto\n", "a.txt": "one\r\n" });
    const time = new Date("2026-01-01T00:00:00Z");
    utimesSync(join(bench.root, "a.txt"), time, time);
    bench.commit();
    utimesSync(join(bench.root, ".git", "index"), time, time);
    bench.write("a.txt", "two\r\n");
    utimesSync(join(bench.root, "a.txt"), time, time);
    expect(await cleaned(bench)).toEqual({ "a.txt": "two\n" });
  });

  test("a required filter that fails is told by name", async () => {
    const bench = repository({ ".gitattributes": "*.x filter=broken\n", "a.x": "x" });
    bench.git("config", "filter.broken.clean", "false");
    bench.git("config", "filter.broken.required", "true");
    await expect(cleaned(bench)).rejects.toThrow(/broken/);
  });

  test("no scratch is left behind", async () => {
    const bench = repository({ ".gitattributes": "* text=auto\n", "a.txt": "a\r\n" });
    await cleaned(bench);
    expect(readdirSync(join(bench.root, ".git")).filter((name) => name.includes("sluice"))).toEqual([]);
  });
});

describe("places only the binary knows", () => {
  test("a linked work tree has its own HEAD and index, and shares the ledger", async () => {
    const bench = repository({ "a.txt": "a" });
    bench.commit();
    const linked = join(bench.root, "..", `${bench.root.split("/").at(-1)}-linked`);
    bench.git("worktree", "add", "-q", "-b", "side", linked);
    try {
      const git = await opened(linked, "native");
      expect(await git.head()).toEqual({ commit: sha(bench.git("rev-parse", "HEAD")), branch: "side" });
      expect((await git.tracked()).map((entry) => entry.path)).toEqual(["a.txt"]);
      const appended = await git.append(LEDGER, null, [commitOf({ a: "1" })]);
      expect(appended).toEqual({
        kind: "appended",
        head: await (await opened(bench.root, "native")).resolve(LEDGER),
        commits: [expect.anything()],
      });
      expect(await openGit(linked, "isomorphic")).toMatchObject({
        kind: "refused",
        why: expect.stringContaining("linked work tree"),
      });
    } finally {
      bench.git("worktree", "remove", "--force", linked);
    }
  });

  test("hooks of the person's do not run for the ledger", async () => {
    const bench = repository();
    for (const hook of ["pre-push", "reference-transaction", "pre-commit", "post-commit"]) {
      bench.write(`.git/hooks/${hook}`, `#!/bin/sh\ntouch "$(git rev-parse --git-dir)/ran-${hook}"\nexit 1\n`);
      chmodSync(join(bench.root, ".git", "hooks", hook), 0o755);
    }
    const remote = await httpRemote();
    const git = await opened(bench.root, "native");
    expect((await git.append(LEDGER, null, [commitOf({ a: "1" })])).kind).toBe("appended");
    expect(await git.push(remote.url, [{ from: LEDGER, to: LEDGER }])).toEqual({ kind: "pushed" });
    expect(readdirSync(join(bench.root, ".git")).filter((name) => name.startsWith("ran-"))).toEqual([]);
  });

  test("a push is all or nothing, and an order to force is none", async () => {
    const remote = await httpRemote();
    const git = await opened(repository().root, "native");
    await git.append(LEDGER, null, [commitOf({ a: "1" })]);
    await git.push(remote.url, [{ from: LEDGER, to: "refs/heads/x" }]);
    const rival = await opened(repository().root, "native");
    await rival.append(LEDGER, null, [commitOf({ b: "1" })]);
    const answer = await rival.push(remote.url, [
      { from: LEDGER, to: "refs/heads/y" },
      { from: LEDGER, to: "refs/heads/x" },
    ]);
    expect(answer).toMatchObject({ kind: "rejected", why: expect.stringContaining("refs/heads/x") });
    expect(remote.git("for-each-ref", "--format=%(refname)").trim()).toBe("refs/heads/x");
    await expect(rival.push(remote.url, [{ from: `+${LEDGER}`, to: "refs/heads/x" }])).rejects.toThrow("forced");
  });
});

describe("what is refused, with what to do", () => {
  test.each(["native", "isomorphic"] as const)("by %s", async (adapter) => {
    const bench = repository();
    expect(await openGit(join(bench.root, ".git"), adapter)).toMatchObject({
      kind: "refused",
      why: expect.stringContaining("bare"),
    });
    bench.git("init", "-q", "--bare", "bare.git");
    expect(await openGit(join(bench.root, "bare.git"), adapter)).toMatchObject({
      kind: "refused",
      next: expect.stringContaining("git clone"),
    });
    bench.git("init", "-q", "--object-format=sha256", "long");
    expect(await openGit(join(bench.root, "long"), adapter)).toMatchObject({
      kind: "refused",
      why: expect.stringContaining("SHA-256"),
    });
    expect(await openGit("/", adapter)).toMatchObject({ kind: "refused", next: expect.stringContaining("git init") });
  });
});

test.runIf(process.geteuid?.() === 0)("a repository of another user is refused with the line to type", async () => {
  const bench = repository({ "a.txt": "a" });
  chownSync(bench.root, 12_345, 12_345);
  chownSync(join(bench.root, ".git"), 12_345, 12_345);
  const before = process.env["GIT_CONFIG_GLOBAL"];
  const global = join(bench.root, ".git", "global");
  writeFileSync(global, "");
  process.env["GIT_CONFIG_GLOBAL"] = global;
  onTestFinished(() => {
    if (before === undefined) delete process.env["GIT_CONFIG_GLOBAL"];
    else process.env["GIT_CONFIG_GLOBAL"] = before;
  });
  expect(await openGit(bench.root)).toMatchObject({
    kind: "refused",
    next: `git config --global --add safe.directory '${bench.root}'`,
  });
  writeFileSync(global, `[safe]\n\tdirectory = ${bench.root}\n`);
  expect(await openGit(bench.root)).toMatchObject({ kind: "ok" });
});

test("1,000 runs are appended at once and pushed in one go", async () => {
  const remote = await httpRemote();
  const bench = repository();
  const git = await opened(bench.root, "native");
  const body = "x".repeat(4_000);
  const commits = Array.from({ length: 1_000 }, (_, nth) => {
    const id = digestOf(String(nth)).slice(7, 33);
    const directory = `runs/${id.slice(0, 2)}/${id.slice(2, 4)}/${id}`;
    return commitOf({
      [`${directory}/manifest.json`]: `${body}${nth}`,
      [`${directory}/manifest.sig.json`]: `${nth}${body}`,
    });
  });
  const begin = performance.now();
  const appended = await git.append(LEDGER, null, commits);
  const written = performance.now();
  expect(await git.push(remote.url, [{ from: LEDGER, to: "refs/heads/sluice/ledger" }])).toEqual({ kind: "pushed" });
  const pushed = performance.now();
  if (process.env["SLUICE_TIMES"] !== undefined)
    appendFileSync(process.env["SLUICE_TIMES"], `append ${written - begin} push ${pushed - written}\n`);
  expect(appended).toMatchObject({ kind: "appended", commits: { length: 1_000 } });
  expect(remote.git("rev-list", "--count", "refs/heads/sluice/ledger").trim()).toBe("1000");
});

test("a lock that a killed process left on the ledger stops nobody for ever", async () => {
  const bench = repository({ "a.txt": "a" });
  bench.commit();
  const git = await opened(bench.root, "native");
  const first = await git.append(LEDGER, null, [commitOf({ a: "1" })]);
  const lock = join(bench.root, ".git", `${LEDGER}.lock`);
  writeFileSync(lock, "");
  const second = await git.append(LEDGER, first.head, [commitOf({ b: "2" })]);
  expect(second.kind).toBe("appended");
  bench.git("fsck", "--strict");
  expect(readdirSync(join(bench.root, ".git", "refs", "sluice"))).toEqual(["local"]);
});
