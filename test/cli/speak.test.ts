import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { village, type Village } from "../forge/village.ts";
import { BIN, ENV, repository, type Answer, type Bench } from "../sluice.ts";

interface Desk extends Village {
  readonly bench: Bench;
  readonly sluice: (env: Readonly<Record<string, string>>, ...args: readonly string[]) => Promise<Answer>;
  readonly bodies: () => readonly string[];
}

/** A person's clone of a repository in which no service answers. */
async function desk(): Promise<Desk> {
  const place = await village();
  const bench = repository({ "README.md": "x\n" });
  bench.commit();
  bench.git("remote", "add", "origin", `${place.twin.url}/acme/digits.git`);
  const sluice: Desk["sluice"] = (env, ...args) => sluiceWith(bench.root, env, args);
  const bodies = (): readonly string[] =>
    (place.repository.comments.get(place.pull.number) ?? []).map(({ body }) => body);
  return { ...place, bench, sluice, bodies };
}

function sluiceWith(cwd: string, env: Readonly<Record<string, string>>, args: readonly string[]): Promise<Answer> {
  const { GH_TOKEN: _, GITHUB_TOKEN: __, GHE_HOST: ___, ...rest } = ENV;
  return new Promise((resolve) => {
    execFile(BIN, args, { cwd, env: { ...rest, ...env } }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

test("what git keeps for the host is the account; without an answer it ends with 75, and was said once", async () => {
  const { twin, bench, sluice, bodies } = await desk();
  bench.git("config", "credential.helper", `!f() { echo username=alice; echo password=${twin.tokenOf("alice")}; }; f`);

  const { code, stdout, stderr } = await sluice({}, "hold", "prod/digits", "the", "holidays", "begin", "--wait", "0.5");

  expect([code, stdout]).toEqual([75, ""]);
  expect(stderr).toMatch(
    /said as alice: http.*#issuecomment-\d+\n.*not answered within 0\.5 s: .*\n {2}next: look at .*; do not say it twice/,
  );
  expect(bodies()).toEqual(["/sluice hold prod/digits the holidays begin"]);
  expect((await sluice({}, "unhold", "prod", "--wait", "0")).code).toBe(0);
});

test("a token from the environment is shown to no host but its own", async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers.authorization ?? "");
    response.writeHead(401).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { bench, sluice } = await desk();
  bench.git("remote", "set-url", "origin", `http://${host}/acme/digits.git`);

  const other = await sluice({ GITHUB_TOKEN: "secret-token" }, "freeze", "prod", "holidays");
  expect([other.code, asked]).toEqual([77, []]);
  expect(other.stderr).toContain(`nobody is known here to ${host}`);
  expect(other.stderr).toContain("or comment on a pull request yourself: /sluice freeze prod holidays");

  // Nor over plain HTTP where nobody said so.
  const plain = await sluice({ GITHUB_TOKEN: "secret-token", GHE_HOST: host }, "freeze", "prod", "holidays");
  expect([plain.code, asked]).toEqual([75, []]);

  const own = await sluice(
    { GITHUB_TOKEN: "secret-token", GHE_HOST: host, GHE_PROTOCOL: "http" },
    "freeze",
    "prod",
    "holidays",
  );
  expect([own.code, asked[0]]).toEqual([77, "token secret-token"]);
  expect(own.stderr).toContain("next: another token");
  expect(`${other.stderr}${own.stderr}`).not.toContain("secret-token");
});

test("a forge that is not there ends with 75, a bot's token with 77", async () => {
  const { twin, bench, sluice } = await desk();
  const env = { GH_TOKEN: twin.tokenOf("sluice[bot]"), GHE_HOST: new URL(twin.url).host, GHE_PROTOCOL: "http" };
  const bot = await sluice(env, "unfreeze", "prod", "over");
  expect([bot.code, bot.stderr]).toEqual([77, expect.stringContaining("commands of bots do not count")]);

  bench.git("remote", "set-url", "origin", "http://127.0.0.1:1/acme/digits.git");
  const away = await sluice({ ...env, GHE_HOST: "127.0.0.1:1" }, "promote", "staging");
  expect([away.code, away.stderr]).toEqual([75, expect.stringContaining("cannot be asked now")]);
  const back = await sluice({ ...env, GHE_HOST: "127.0.0.1:1" }, "rollback", "prod", "digits");
  expect([back.code, back.stderr]).toEqual([75, expect.stringContaining("sluice rollback prod digits --offline")]);
});

test("what cannot be said is usage, with what to type instead, and nothing is said", async () => {
  const { twin, bench, sluice, bodies } = await desk();
  const env = { GH_TOKEN: twin.tokenOf("alice"), GHE_HOST: new URL(twin.url).host, GHE_PROTOCOL: "http" };
  for (const [args, said] of [
    [["promote", "--force"], /unknown option/],
    [
      ["promote", "staging", "digits", "no:such"],
      /there is no environment `no` in sluice.yaml, and no run of that name/,
    ],
    [["promote", "prod", "--break-glass", " "], /next: write sluice promote <environment>/],
    [["rollback", "prod", "digits", "--offline"], /no ledger of a service/],
    [["rollback", "prod", "digits", "no:such"], /there is no environment `no` in sluice.yaml, and no run of that name/],
    [["hold", "prod/a/b", "x"], /next: write sluice hold <environment>\[\/pipeline\] <reason>/],
    [["hold", "prod", "two\nlines"], /a reason is one line/],
    [["hold", "prod", "x".repeat(1_000)], /at most 1000 characters/],
    [["unhold", "prod", "--wait", "soon"], /--wait is a number of seconds/],
    [["unhold", "prod", "--remote", "nosuch"], /there is no remote nosuch\n {2}next: --remote origin/],
  ] as const) {
    const { code, stdout, stderr } = await sluice(env, ...args);
    expect([code, stdout], `${args.join(" ")}: ${stderr}`).toEqual([64, ""]);
    expect(stderr, args.join(" ")).toMatch(said);
  }
  bench.git("remote", "set-url", "origin", "/srv/git/digits.git");
  const path = await sluice(env, "promote", "staging");
  expect([path.code, path.stderr]).toEqual([64, expect.stringContaining("is no repository on a forge")]);
  bench.git("remote", "remove", "origin");
  const none = await sluice(env, "promote", "staging");
  expect([none.code, none.stderr]).toEqual([64, expect.stringContaining("no remote")]);
  expect(none.stderr).toContain("git remote add origin https://github.com/<owner>/<name>.git");
  expect(bodies()).toEqual([]);
}, 120_000);

test("approve asks which of several promotions is meant, and takes none that a person made", async () => {
  const { twin, repository: remote, sluice, bodies } = await desk();
  const env = { GH_TOKEN: twin.tokenOf("alice"), GHE_HOST: new URL(twin.url).host, GHE_PROTOCOL: "http" };
  const open = async (pipeline: string, login: string): Promise<number> => {
    const branch = `sluice/promote/prod/${pipeline}`;
    await twin.forge.commit(remote, { branch, files: { [pipeline]: "1\n" }, message: pipeline, login });
    return (await twin.forge.openPull(remote, { branch, title: pipeline, login })).number;
  };
  await open("faked", "mallory");
  const nothing = await sluice(env, "approve", "prod");
  expect([nothing.code, nothing.stderr]).toEqual([
    1,
    expect.stringContaining("no promotion of anything to prod is open"),
  ]);

  const digits = await open("digits", "sluice[bot]");
  await open("words", "sluice[bot]");
  const several = await sluice(env, "approve", "prod");
  expect(several.code).toBe(64);
  expect(several.stderr).toMatch(/say which\n {2}sluice approve prod digits {2}#\d+\n {2}sluice approve prod words/);
  expect((await sluice(env, "approve", "prod", "digits", "--wait", "0")).code).toBe(0);
  expect(remote.comments.get(digits)?.map(({ body }) => body)).toEqual(["/sluice approve prod digits"]);
  expect(bodies()).toEqual([]);
});
