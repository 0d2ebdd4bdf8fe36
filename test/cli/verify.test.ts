import { execFileSync } from "node:child_process";
import { join } from "node:path";

import { expect, test } from "vitest";

import { lengthen } from "../../bench/long-ledger.ts";
import { openGit } from "../../src/git/open-git.ts";
import { ENV, recorded, repository, type Bench } from "../sluice.ts";

const LEDGER = "refs/sluice/local";

/** A ledger with two runs. */
async function ledger(): Promise<Bench> {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    in: "1\n",
    "pipelines/p.yaml": "version: 1\nsteps:\n  make: { run: cp in out, inputs: [in], outputs: [out] }\n",
  });
  bench.commit();
  await bench.sluice("run");
  bench.write("in", "2\n");
  await bench.sluice("run");
  expect(recorded(bench)).toHaveLength(2);
  return bench;
}

/** The ledger's newest tree with one file changed or removed, as a commit with these parents and this message. */
function tampered(
  bench: Bench,
  {
    file,
    change,
    parents,
    message = "later",
  }: {
    readonly file?: RegExp;
    readonly change?: (text: string) => string | null;
    readonly parents?: readonly string[];
    readonly message?: string;
  },
): void {
  const index = join(bench.root, ".git", "ledger-index");
  const git = (args: readonly string[], input?: string): string =>
    execFileSync("git", args, {
      cwd: bench.root,
      env: { ...ENV, GIT_INDEX_FILE: index },
      encoding: "utf8",
      ...(input === undefined ? {} : { input }),
    }).trim();
  git(["read-tree", LEDGER]);
  const path =
    file === undefined
      ? undefined
      : git(["ls-files"])
          .split("\n")
          .find((one) => file.test(one));
  if (path !== undefined && change !== undefined) {
    const now = change(git(["show", `${LEDGER}:${path}`]));
    if (now === null) git(["update-index", "--force-remove", path]);
    else git(["update-index", "--cacheinfo", `100644,${git(["hash-object", "-w", "--stdin"], now)},${path}`]);
  } else expect(file).toBeUndefined();
  const on = (parents ?? [LEDGER]).flatMap((parent) => ["-p", git(["rev-parse", parent])]);
  git(["update-ref", LEDGER, git(["commit-tree", git(["write-tree"]), ...on, "-m", message])]);
}

test("a ledger as recorded is sound; one run, `--all` and `--json` say so", async () => {
  const bench = await ledger();

  const all = await bench.sluice("verify", "--all");
  const one = await bench.sluice("verify", "latest");
  const json = await bench.sluice("verify", "--json");

  expect(all).toMatchObject({ code: 0, stdout: "✓ 2 of 2 runs verified: digests, keys and statements hold\n" });
  expect(one.stdout).toContain("1 of 1 run verified");
  expect(JSON.parse(json.stdout)).toMatchObject({ sound: true, ledger: [], runs: [{}, {}] });
});

test("a clone with runs of its own and a service's ledger has both verified", async () => {
  const bench = await ledger();
  const git = (...args: readonly string[]): string =>
    execFileSync("git", args, { cwd: bench.root, env: ENV, encoding: "utf8" }).trim();
  const fetched = "refs/remotes/origin/sluice/ledger";
  git("update-ref", fetched, LEDGER);
  const sound = await bench.sluice("verify", "--all");
  const strange = git("commit-tree", `${fetched}^{tree}`, "-p", fetched, "-m", "later");
  git("update-ref", fetched, strange);
  const found = await bench.sluice("verify");
  const json = await bench.sluice("verify", "--all", "--json");

  const line = "✓ 2 of 2 runs verified: digests, keys and statements hold\n";
  expect(sound).toMatchObject({ code: 0, stdout: `${LEDGER}\n${line}${fetched}\n${line}` });
  expect(found).toMatchObject({ code: 1, stdout: expect.stringContaining(`${line}${fetched}\n✗ ledger: commit `) });
  expect(json.code).toBe(1);
  expect(JSON.parse(json.stdout)).toMatchObject({ sound: false, ledger: [{ kind: "commit" }], runs: [{}, {}, {}, {}] });
});

const CHANGES: readonly [string, RegExp, (text: string) => string | null, RegExp][] = [
  [
    "an output's digest in a manifest",
    /manifest\.json$/,
    (text) => text.replace(/[0-9a-f]{64}/, "0".repeat(64)),
    /manifest|signature|digest/,
  ],
  ["a manifest that is none any more", /manifest\.json$/, () => "{", /manifest/],
  ["a manifest that is gone", /manifest\.json$/, () => null, /manifest is not in the ledger/],
  [
    "a signature by somebody else",
    /manifest\.sig\.json$/,
    (text) => text.replace(/"sig":"..../, '"sig":"AAAA'),
    /signature/,
  ],
  ["a key document", /^keys\/.*\.json$/, (text) => text.replace('"cp in out"', '"cp in out2"'), /key/],
  ["a key document that is gone", /^keys\/.*\.json$/, () => null, /key/],
  ["the ledger's header", /^ledger\.json$/, () => "[]", /ledger\.json/],
];

test("whatever was changed in the ledger is found and named, with exit code 1", async () => {
  const bench = await ledger();
  const sound = bench.git("rev-parse", LEDGER).trim();
  for (const [what, file, change, sentence] of CHANGES) {
    tampered(bench, { file, change });

    const verify = await bench.sluice("verify", "--all");
    const json = JSON.parse((await bench.sluice("verify", "--json")).stdout) as { sound: boolean };

    expect(verify.code, `${what}: ${verify.stdout}${verify.stderr}`).toBe(1);
    const found = verify.stdout.split("\n").filter((line) => line.startsWith("✗"));
    expect(found.join("\n"), what).toMatch(sentence);
    expect(json.sound, what).toBe(false);
    bench.git("update-ref", LEDGER, sound);
  }
  await bench.sluice("cache", "rebuild");
  expect((await bench.sluice("verify", "--all")).code).toBe(0);
});

test("a long ledger is shared among threads, and one manifest that was changed is found in it", async () => {
  const bench = await ledger();
  const opened = await openGit(bench.root);
  if (opened.kind === "refused") throw new Error(opened.why);
  await lengthen(opened.git, 1_200, join(bench.root, ".git", "other-keys"));
  const sound = await bench.sluice("verify", "--all");
  tampered(bench, { file: /manifest\.json$/, change: (text) => text.replace(/[0-9a-f]{64}/, "0".repeat(64)) });

  const changed = await bench.sluice("verify", "--all");

  expect(sound).toMatchObject({ code: 0, stdout: "✓ 1201 of 1201 runs verified: digests, keys and statements hold\n" });
  expect(changed.code).toBe(1);
  expect(changed.stdout).toContain("1200 of 1201 runs verified");
});

test("history that was merged into the ledger, or began anew, breaks its chain", async () => {
  const merged = await ledger();
  tampered(merged, { parents: [LEDGER, "HEAD"] });
  const rewritten = await ledger();
  tampered(rewritten, { parents: [], message: rewritten.git("log", "-1", "--format=%B", LEDGER) });

  const known = merged.git("rev-parse", `${LEDGER}^1`).trim();
  const merge = await merged.sluice("verify");
  const rewrite = await rewritten.sluice("verify");
  merged.git("update-ref", LEDGER, known);
  await merged.sluice("cache", "rebuild");
  const back = await merged.sluice("verify");
  const again = await rewritten.sluice("verify");
  await rewritten.sluice("cache", "rebuild");
  const taken = await rewritten.sluice("verify");

  expect(merge.code).toBe(1);
  expect(merge.stdout).toMatch(/✗ ledger: commit [0-9a-f]{12} does not stand on the one before it/);
  expect(back.code, back.stdout).toBe(0);
  const unnamed = /✗ ledger: its tree holds [0-9a-z]{8}, which no commit of its history records/;
  const left = /✗ ledger: commit [0-9a-f]{12} is in its history no more, and was its head when this machine read it: /;
  for (const { code, stdout } of [rewrite, again]) {
    expect(code).toBe(1);
    expect(stdout).toMatch(unnamed);
    expect(stdout).toMatch(left);
  }
  expect(taken.stdout).toMatch(unnamed);
  expect(taken.stdout).not.toMatch(left);
});

test("a trailer that says another status than the manifest is found", async () => {
  const bench = await ledger();
  const message = bench
    .git("log", "-1", "--format=%B", LEDGER)
    .replace(/^Sluice-Status: .*$/m, "Sluice-Status: failed");
  tampered(bench, { parents: [`${LEDGER}~1`], message });

  const verify = await bench.sluice("verify", "latest");

  expect(verify.code).toBe(1);
  expect(verify.stdout).toMatch(/✗ .*Sluice-Status/);
});

test("reproduce finds a difference, names it, records it beside the run and ends with 1", async () => {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    "pipelines/p.yaml": `version: 1
steps:
  time: { run: 'date +%N > now; echo same > same', outputs: [now, same] }
  publish: { run: 'echo out > receipt', outputs: [receipt], effects: true }
`,
  });
  bench.commit();
  await bench.sluice("run", "--with-effects");
  const before = bench.git("rev-parse", LEDGER).trim();
  expect((await bench.sluice("show", "latest")).stdout).toMatch(/reproduced +not yet: sluice reproduce /);

  const again = await bench.sluice("reproduce", "latest");
  const plan = await bench.sluice("plan", "--with-effects", "time");

  expect(again.code).toBe(1);
  expect(again.stdout).toMatch(/✗ time: now was sha256:[0-9a-f]{12}… and is sha256:[0-9a-f]{12}…/);
  expect(again.stdout).toContain("1 of 2 differ");
  expect(again.stderr).toContain("changes the outside world: publish");
  // It is a check: no result changes.
  expect(plan.stdout).not.toContain("▶");
  expect(bench.git("log", "-1", "--format=%P %s", LEDGER).trim()).toMatch(
    new RegExp(`^${before} p: run .{4} did not reproduce: 1 of 2 differ$`),
  );
  const shown = await bench.sluice("show", "latest");
  expect(shown.stdout).toMatch(/reproduced +no, 1 of 2 differ: now, without publish \(.* UTC, \w+-\w+\)\n/);
  const { reproduced } = JSON.parse((await bench.sluice("show", "latest", "--json")).stdout) as { reproduced: unknown };
  expect(reproduced).toMatchObject({ same: false, compared: 2, differences: { count: 1, names: ["now"] } });
  expect((await bench.sluice("log")).stdout).not.toContain("reproduce");

  const verified = await bench.sluice("verify", "--all");
  expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining("1 of 1 run verified")]);
  tampered(bench, {
    file: /reproductions\/[0-9a-f]{32}\.json$/,
    change: (text) => text.replace('"count":1,"names":["now"]', '"count":0,"names":[]'),
    parents: [`${LEDGER}~1`],
    message: bench.git("log", "-1", "--format=%B", LEDGER),
  });
  const forged = await bench.sluice("verify", "--all");
  expect([forged.code, forged.stdout]).toEqual([
    1,
    expect.stringMatching(/reproductions\/[0-9a-f]{32}\.json: it is no reproduction of a format known here/),
  ]);
  expect((await bench.sluice("show", "latest")).stdout).toMatch(/reproduced +not yet/);
});
