import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { event, released, type Released } from "./released.ts";

/** `digits` is live in `prod` for the second time and in `staging`, `words` in `prod` for the first. */
async function live(): Promise<Released> {
  const place = await released();
  const { digits, words, record } = place;
  await record(
    event("released", "merge:1", { run: digits[0] }),
    event("released", "merge:2", { run: digits[1] }),
    event("released", "merge:3", { environment: "staging", run: digits[0] }),
    event("released", "merge:4", { pipeline: "words", run: words[0] }),
  );
  return place;
}

test("an environment names the run that is live in it, and `~1` the one that was before", async () => {
  const { bench, digits, words } = await live();
  const shown = async (name: string): Promise<string> => {
    const { stdout, stderr } = await bench.sluice("show", name, "--json");
    return stdout === "" ? stderr : (JSON.parse(stdout) as { run: { id: string } }).run.id;
  };

  expect(await shown("prod:digits")).toBe(digits[1]);
  expect(await shown("prod:digits~1")).toBe(digits[0]);
  expect(await shown("prod:words")).toBe(words[0]);
  expect(await shown("staging")).toBe(digits[0]);
  // Any run of the forge's ledger is known by its id.
  expect(await shown(words[1].slice(0, 8))).toBe(words[1]);
  // A branch comes before an environment of the same name.
  bench.git("branch", "staging");
  bench.git("checkout", "-q", "staging");
  bench.git("rm", "-q", "pipelines/words.yaml");
  bench.commit();
  await bench.sluice("run", "digits", "--force", "make");
  const newest = (await bench.sluice("log", "--json")).stdout;
  expect(newest).toContain(await shown("staging"));
}, 180_000);

test("what names none or several ends with 64 and the candidates", async () => {
  const { bench } = await live();
  for (const [name, said] of [
    ["prod", /prod could be any of\n {2}prod:digits {2}live is \w{4} since .*\n {2}prod:words {2}live is/],
    ["prod~1", /prod~1 could be any of\n {2}prod:digits~1 /],
    ["prod:digts", /nothing of digts is live in prod as far as this ledger says\n {2}next: live there: prod:digits/],
    ["prod:words~1", /only 0 releases of words were live in prod before\n {2}next: sluice log words --env prod/],
    ["dev", /there is no run dev\n {2}next: nothing is released in dev/],
  ] as const) {
    const { code, stdout, stderr } = await bench.sluice("show", name);
    expect([code, stdout], name).toEqual([64, ""]);
    expect(stderr).toMatch(said);
  }
}, 180_000);

test("diff, explain, verify, get and reproduce take it too", async () => {
  const { bench, digits, record, take } = await live();

  const diff = await bench.sluice("diff", "prod:digits~1", "prod:digits", "--json");
  expect(JSON.parse(diff.stdout)).toMatchObject({ from: { run: digits[0] }, to: { run: digits[1] } });
  const explained = await bench.sluice("explain", "make", "--run", "staging");
  expect([explained.code, explained.stderr]).toEqual([0, ""]);
  const verified = await bench.sluice("verify", "staging");
  expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining("1 of 1 run verified")]);
  const whole = await bench.sluice("get", "prod:digits:build/digits.txt", "-o", "prod");
  expect([whole.code, whole.stderr]).toEqual([0, ""]);
  const single = await bench.sluice("get", "staging:build/digits.txt", "-o", "staging");
  expect([single.code, single.stderr]).toEqual([0, ""]);
  const before = await bench.sluice("get", "prod:digits~1", "-o", "before");
  expect([before.code, before.stderr]).toEqual([0, ""]);
  const bytes = (place: string): string => readFileSync(join(bench.root, place, "build/digits.txt"), "utf8");
  expect([bytes("prod"), bytes("staging"), bytes("before")]).toEqual(["digits two\n", "digits one\n", "digits one\n"]);
  const reproduced = await bench.sluice("reproduce", "prod:digits~1");
  expect([reproduced.code, reproduced.stderr]).toEqual([0, expect.not.stringContaining("differ")]);
  // The ledger of a service is written by the service alone: the record waits for a push.
  const waiting = `refs/sluice/reproductions/${digits[0]}`;
  expect(reproduced.stderr).toContain(`next: git push origin ${waiting}`);
  expect(bench.git("log", "--format=%s", waiting).trim()).toBe(
    `digits: run ${digits[0].slice(0, 4)} reproduced, 1 digests and metrics compared`,
  );
  expect((await bench.sluice("show", "staging")).stdout).toMatch(
    new RegExp(`reproduced +not yet: git push origin ${waiting}`),
  );
  bench.write(
    "sluice.yaml",
    `version: 1\nsandbox: off\nenvironments:\n  prod: { gates: ["run.reproducible == true"] }\n`,
  );
  await record(event("requested", "label:5", { run: digits[0], pullRequest: 14 }));
  const what = `sluice reproduce ${digits[0].slice(0, 8)} in a clone, and the git push`;
  expect((await bench.sluice("status")).stdout).toContain(what);
  await take(waiting);
  expect((await bench.sluice("status")).stdout).not.toContain("run.reproducible");
  const shown = await bench.sluice("show", "staging");
  expect(shown.stdout).toMatch(/reproduced +yes, 1 digests and metrics compared \(/);
  // One that the service refuses has it refuse those beside it: under another key it begins anew.
  rmSync(join(bench.root, ".sluice", "keys"), { recursive: true });
  const stranger = await bench.sluice("reproduce", digits[0]);
  expect(stranger.stderr).toMatch(/`signing_keys` of the operator's file lists it: MCow\S+=\n/);
  expect(bench.git("rev-list", "--count", waiting).trim()).toBe("1");
}, 180_000);

test("an event that no key of the ledger signed makes nothing live", async () => {
  const { bench, digits, record } = await released();
  await record(event("released", "merge:1", { run: digits[0] }));
  const path =
    bench
      .git("ls-tree", "-r", "--name-only", "sluice/ledger", "releases")
      .split("\n")
      .find((one) => one.endsWith(".sig.json")) ?? "";
  bench.git("worktree", "add", "-q", "ledger", "sluice/ledger");
  bench.write(`ledger/${path}`, "{}");
  bench.git("-C", "ledger", "commit", "-qam", "tamper");
  const { code, stderr } = await bench.sluice("show", "prod");
  expect([code, stderr]).toEqual([64, expect.stringContaining("there is no run prod")]);
}, 180_000);
