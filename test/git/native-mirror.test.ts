import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, onTestFinished, test } from "vitest";

import type { Mirror } from "../../src/git/mirror.ts";
import { GROWN, nativeMirror } from "../../src/git/native-mirror.ts";
import { parseCommitSha, type CommitSha } from "../../src/identity/identity.ts";
import { commitOf } from "../contract/git.ts";
import { httpRemote, type HttpRemote } from "../contract/http-remote.ts";
import { ENV, repository, type Bench } from "../sluice.ts";

const program = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim();

function sha(text: string): CommitSha {
  const found = parseCommitSha(text.trim());
  if (found === undefined) throw new Error(`${text} is no commit`);
  return found;
}

async function mirrorOf(url: string, grows?: string): Promise<Mirror> {
  const directory = mkdtempSync(join(tmpdir(), "sluice-mirror-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
  return nativeMirror({
    directory: join(directory, "m.git"),
    program,
    remote: async () => ({ kind: "ok", url, token: null }),
    ...(grows !== undefined && { grows }),
  });
}

/** Not synchronously: the server that answers lives in this process. */
async function push(bench: Bench, ...args: readonly string[]): Promise<void> {
  await promisify(execFile)("git", ["push", "-q", ...args], { cwd: bench.root, env: ENV });
}

/** A repository with two commits on main, pushed to a remote behind git's own HTTP server. */
async function pushed(): Promise<{ readonly bench: Bench; readonly remote: HttpRemote; readonly mirror: Mirror }> {
  const remote = await httpRemote();
  const bench = repository({ "a.txt": "1\n", "dir/b.txt": "b\n" });
  bench.commit();
  await push(bench, remote.url, "HEAD:refs/heads/main");
  return { bench, remote, mirror: await mirrorOf(remote.url) };
}

const RUN = "refs/sluice/runs/abc";

test("a refresh brings refs as they are, also rewritten and deleted ones, and reads at any of them", async () => {
  const { bench, remote, mirror } = await pushed();
  const first = sha(bench.git("rev-parse", "HEAD"));
  await push(bench, remote.url, "HEAD:refs/pull/1/head");
  const seen = await mirror.refresh(["refs/heads/main", "refs/pull/*"]);
  expect(seen).toEqual({
    kind: "ok",
    refs: new Map([
      ["refs/heads/main", first],
      ["refs/pull/1/head", first],
    ]),
  });
  expect(new TextDecoder().decode(await mirror.file(first, "dir/b.txt"))).toBe("b\n");

  bench.write("a.txt", "2\n");
  bench.git("commit", "-qa", "--amend", "-m", "rewritten");
  const second = sha(bench.git("rev-parse", "HEAD"));
  await push(bench, "--force", remote.url, "HEAD:refs/heads/main", ":refs/pull/1/head");
  expect(await mirror.refresh(["refs/heads/main", "refs/pull/*"])).toEqual({
    kind: "ok",
    refs: new Map([["refs/heads/main", second]]),
  });
  expect(await mirror.resolve("refs/pull/1/head")).toBeUndefined();
  expect(await mirror.changed(first, second)).toEqual(["a.txt"]);

  const deep = "refs/sluice/offline/prod/digits";
  await push(bench, remote.url, `HEAD:${deep}`);
  await mirror.refresh(["refs/sluice/offline/*"]);
  expect(await mirror.resolve(deep)).toBe(second);
  await push(bench, remote.url, `:${deep}`);
  await mirror.refresh(["refs/sluice/offline/*"]);
  expect(await mirror.resolve(deep)).toBeUndefined();
});

test("a branch makes way for one below it, whatever was asked when it was brought", async () => {
  const { bench, remote, mirror } = await pushed();
  await push(bench, remote.url, "HEAD:refs/heads/a", "HEAD:refs/heads/b/1.0");
  await mirror.refresh(["refs/heads/*"]);
  await push(bench, remote.url, ":refs/heads/a", ":refs/heads/b/1.0");
  await push(bench, remote.url, "HEAD:refs/heads/a/1.0", "HEAD:refs/heads/b");
  expect(await mirror.refresh(["refs/heads/a/1.0", "refs/heads/b"])).toMatchObject({ kind: "ok" });
  expect(await mirror.resolve("refs/heads/a")).toBeUndefined();
  expect(await mirror.resolve("refs/heads/b")).toBe(sha(bench.git("rev-parse", "HEAD")));
});

test("looking at all branches takes away none that is there, and brings none that would keep the ledger from being written", async () => {
  const { bench, remote } = await pushed();
  const main = sha(bench.git("rev-parse", "HEAD"));
  const ledger = "refs/heads/sluice/ledger";
  const mirror = await mirrorOf(remote.url, ledger);
  await push(bench, remote.url, `HEAD:${ledger}/old`, "HEAD:refs/heads/v1/x");
  expect(await mirror.refresh(["refs/heads/*"])).toEqual({
    kind: "ok",
    refs: new Map([
      ["refs/heads/main", main],
      ["refs/heads/v1/x", main],
    ]),
  });
  const written = await mirror.append(ledger, null, [commitOf({ "ledger.json": "{}" })]);
  expect(written).toMatchObject({ kind: "appended" });
  await push(bench, remote.url, `:${ledger}/old`);
  if (written.kind !== "appended") return;
  expect(await mirror.publish([{ ref: ledger, from: null, to: written.head }])).toEqual({ kind: "published" });
  // Once more, and of a part of the names, whatever stands deeper there.
  await mirror.refresh(["refs/heads/v*"]);
  await mirror.refresh(["refs/heads/*"]);
  for (const ref of ["refs/heads/main", "refs/heads/v1/x"]) expect(await mirror.resolve(ref)).toBe(main);
  expect(await mirror.resolve(ledger)).toBe(written.head);
});

test("a ref that only ends like what was asked for is not brought, and takes nothing away here", async () => {
  const { bench, remote, mirror } = await pushed();
  const main = sha(bench.git("rev-parse", "HEAD"));
  await push(bench, remote.url, `HEAD:${GROWN}/refs/heads/main`);
  const only = { kind: "ok", refs: new Map([["refs/heads/main", main]]) };
  expect(await mirror.refresh(["refs/heads/main"])).toEqual(only);
  await mirror.settle(main);
  bench.commit("main");
  const next = sha(bench.git("rev-parse", "HEAD"));
  await push(bench, remote.url, "HEAD:refs/heads/main");
  expect(await mirror.refresh(["refs/heads/main"])).toMatchObject({ refs: new Map([["refs/heads/main", next]]) });
  expect(await mirror.grown()).toBe(main);
});

test("whatever many ask at once is asked once, what is asked later is asked anew, and writing goes first", async () => {
  const remote = await httpRemote();
  const bench = repository({ "a.txt": "1\n" });
  bench.commit();
  await push(bench, remote.url, "HEAD:refs/heads/main");
  const directory = mkdtempSync(join(tmpdir(), "sluice-mirror-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
  let contacts = 0;
  const mirror = await nativeMirror({
    directory: join(directory, "m.git"),
    program,
    remote: async () => (contacts++, { kind: "ok", url: remote.url, token: null }),
  });
  await mirror.refresh(["refs/heads/main"]);
  const main = sha(bench.git("rev-parse", "HEAD"));
  const order: string[] = [];
  const ask = (pattern: string): Promise<unknown> => mirror.refresh([pattern]).then(() => order.push(pattern));
  const first = ask("refs/heads/main");
  await new Promise((resolve) => setImmediate(resolve));
  const many = Array.from({ length: 20 }, () => ask("refs/heads/main"));
  const published = mirror.publish([{ ref: RUN, from: null, to: main }]).then(() => order.push("published"));
  await Promise.all([first, ...many, ask("refs/sluice/runs/*"), published]);
  expect(contacts).toBe(4);
  expect(order).toEqual(["refs/heads/main", "published", ...many.map(() => "refs/heads/main"), "refs/sluice/runs/*"]);
  expect(await mirror.resolve(RUN)).toBe(main);
});

test("each is told what they asked for, and what cannot be brought for one is brought for the others", async () => {
  const { bench, remote, mirror } = await pushed();
  await mirror.refresh(["refs/heads/main"]);
  const first = sha(bench.git("rev-parse", "HEAD"));
  bench.write("a.txt", "broken\n");
  bench.commit("broken");
  const tree = bench.git("rev-parse", "HEAD^{tree}").trim();
  await push(bench, remote.url, "HEAD:refs/pull/1/head");
  remote.git("prune-packed");
  rmSync(join(remote.directory, "objects", tree.slice(0, 2), tree.slice(2)));
  bench.git("reset", "-q", "--hard", first);
  bench.write("a.txt", "next\n");
  bench.commit("next");
  const next = sha(bench.git("rev-parse", "HEAD"));
  await push(bench, remote.url, "HEAD:refs/heads/main");

  const [main, broken, runs] = await Promise.all([
    mirror.refresh(["refs/heads/main"]),
    mirror.refresh(["refs/pull/1/head"]),
    mirror.refresh(["refs/sluice/runs/*"]),
  ]);
  expect(main).toEqual({ kind: "ok", refs: new Map([["refs/heads/main", next]]) });
  expect(new TextDecoder().decode(await mirror.file(next, "a.txt"))).toBe("next\n");
  expect(runs).toEqual({ kind: "ok", refs: new Map() });
  expect(broken).toEqual({ kind: "unreachable", why: expect.stringMatching(/./) as string });
});

test("a ref is created once: whoever comes second is overtaken and changes nothing", async () => {
  const { bench, remote, mirror } = await pushed();
  await mirror.refresh(["refs/heads/main"]);
  const main = sha(bench.git("rev-parse", "HEAD"));
  const order = (text: string) => ({
    files: new Map([["request.json", new TextEncoder().encode(text)]]),
    message: "accepted\n",
    author: { name: "sluice", email: "sluice@localhost" },
    time: 1_790_000_000,
  });
  const mine = await mirror.append("refs/sluice/mine", null, [order("1")]);
  const other = await mirror.append("refs/sluice/other", null, [order("2")]);
  if (mine.kind !== "appended" || other.kind !== "appended") throw new Error("appending failed");

  expect(await mirror.publish([{ ref: RUN, from: null, to: mine.head }])).toEqual({ kind: "published" });
  const second = await mirror.publish([
    { ref: RUN, from: null, to: other.head },
    { ref: "refs/heads/side", from: null, to: main },
  ]);
  expect(second.kind).toBe("overtaken");
  expect(remote.git("for-each-ref", "--format=%(refname) %(objectname)").trim().split("\n").sort()).toEqual([
    `refs/heads/main ${main}`,
    `${RUN} ${mine.head}`,
  ]);
  expect((await mirror.publish([{ ref: RUN, from: other.head, to: null }])).kind).toBe("overtaken");
  expect(await mirror.publish([{ ref: RUN, from: mine.head, to: null }])).toEqual({ kind: "published" });
  expect(remote.git("for-each-ref", RUN)).toBe("");
});

test("what a merge would give is a tree; a conflict names its paths", async () => {
  const { bench, remote, mirror } = await pushed();
  bench.git("checkout", "-qb", "topic");
  bench.write("dir/c.txt", "new\n");
  bench.write("a.txt", "topic\n");
  bench.commit("topic");
  const topic = sha(bench.git("rev-parse", "HEAD"));
  bench.git("checkout", "-q", "main");
  bench.write("d.txt", "main\n");
  bench.commit("main");
  const clean = sha(bench.git("rev-parse", "HEAD"));
  bench.write("a.txt", "main\n");
  bench.commit("main");
  const clash = sha(bench.git("rev-parse", "HEAD"));
  await push(bench, remote.url, "main:refs/heads/main", "topic:refs/heads/topic");
  await mirror.refresh(["refs/heads/*"]);

  const merged = await mirror.mergeTree(clean, topic);
  if (merged.kind !== "ok") throw new Error("it does not merge");
  expect((await mirror.tree(merged.tree)).map(({ path }) => path)).toEqual([
    "a.txt",
    "d.txt",
    "dir/b.txt",
    "dir/c.txt",
  ]);
  expect(await mirror.mergeTree(clash, topic)).toEqual({ kind: "conflict", paths: ["a.txt"] });
});

test("a remote that is not there is unreachable, one without the repository refuses", async () => {
  const { remote } = await pushed();
  const nobody = await mirrorOf("http://127.0.0.1:9/x.git");
  expect((await nobody.refresh(["refs/heads/main"])).kind).toBe("unreachable");
  expect((await nobody.publish([{ ref: RUN, from: null, to: null }])).kind).toBe("unreachable");
  const wrong = await mirrorOf(remote.url.replace("remote.git", "other.git"));
  expect((await wrong.refresh(["refs/heads/main"])).kind).toBe("refused");
});
