import { execFileSync } from "node:child_process";
import { readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import { manifestPath } from "../../src/manifest/ledger-paths.ts";
import { runId } from "../manifest/run-records.ts";
import { ENV, sluiceIn, type Answer } from "../sluice.ts";
import { event, released } from "./released.ts";

const REF = "refs/sluice/offline/prod/digits";
const SETTINGS = "version: 1\nsandbox: off\nenvironments:\n  prod: { deploy: pipelines/ship.yaml }\n";

test("a rollback offline goes only to what was live, is signed by a key that counts, is kept once, and says what it cannot deploy", async () => {
  const { bench, digits, record } = await released();
  const [first, second] = digits;
  await record(event("released", "a", { run: first }), event("released", "b", { run: second }));
  const back = (...args: readonly string[]): Promise<Answer> => bench.sluice("rollback", ...args, "--offline");
  const kept = (): readonly string[] => bench.git("log", "--format=%s", REF).trim().split("\n");
  for (const [args, said] of [
    [["prodd", "digits"], /no environment prodd\n {2}next: did you mean prod\?/],
    [["prod", "digits", second], /is live in prod\/digits already/],
  ] as const) {
    const { code, stdout, stderr } = await back(...args);
    expect([code, stdout], stderr).toEqual([64, ""]);
    expect(stderr).toMatch(said);
  }
  expect(bench.git("for-each-ref", "refs/sluice/offline")).toBe("");

  const done = await back("prod");
  expect([done.code, done.stdout], done.stderr).toEqual([0, expect.stringContaining(`to run ${first}, held`)]);
  expect(done.stderr).toContain(`next, when the forge is back: git push origin ${REF}`);
  expect(kept()).toEqual([expect.stringMatching(/^prod\/digits: rolled-back by \S+ · rolled back offline$/)]);
  // What was done offline counts for what is done next.
  expect((await back("prod", "digits", second)).code).toBe(0);
  expect(kept()).toHaveLength(2);

  rmSync(join(bench.root, ".sluice", "keys"), { recursive: true });
  const stranger = await back("prod", "digits");
  expect([stranger.code, stranger.stderr]).toEqual([77, expect.stringContaining("SLUICE_SIGNING_KEY=")]);
  const key = execFileSync("openssl", ["genpkey", "-algorithm", "ed25519"], { encoding: "utf8" });
  bench.git("update-ref", "-d", REF);
  const env = { ...ENV, SLUICE_SIGNING_KEY: key };
  const unlisted = await sluiceIn(bench.root, ["rollback", "prod", "--offline"], env);
  expect([unlisted.code, unlisted.stderr]).toEqual([0, expect.stringContaining("`signing_keys`")]);

  // What cannot be deployed from here is said before anything runs, and the rollback stands.
  bench.git("update-ref", "-d", REF);
  bench.write("sluice.yaml", SETTINGS);
  bench.write(
    "pipelines/ship.yaml",
    `version: 1\nsteps:\n  ship: { run: "cat build/digits.txt >> ${join(bench.root, "shipped")}", inputs: ["release:build/digits.txt"], secrets: [TOKEN] }\n`,
  );
  bench.commit();
  const deployed = (...args: readonly string[]): Promise<Answer> =>
    sluiceIn(bench.root, ["rollback", "prod", ...args, "--offline"], { ...env, TOKEN: "t0k3n" });
  const refused = await deployed();
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringMatching(
      /not deployed: secret `TOKEN` is not granted(?:.|\n)*on: \[deploy\](?:.|\n)*the service deploys it/,
    ),
  ]);
  const objects = join(bench.root, ".sluice", "store", "objects");
  renameSync(objects, `${objects}.away`);
  const missing = await deployed();
  expect([missing.code, missing.stderr]).toEqual([
    1,
    expect.stringMatching(
      /not deployed: the store of this machine has no bytes of build\/digits\.txt\n {2}next: SLUICE_DATA=/,
    ),
  ]);
  // The same rollback was gone on with, and nothing is said to be deployed.
  expect(bench.git("log", "--format=%s", REF).trim()).toMatch(
    /^prod\/digits: rolled-back by \S+ · rolled back offline$/,
  );

  // Killed before it kept how its deployment ended, the command finds that, and deploys nothing under that number again.
  rmSync(objects, { recursive: true, force: true });
  renameSync(`${objects}.away`, objects);
  const granted = 'secrets:\n  TOKEN: { from: "env:TOKEN", pipelines: [ship], on: [deploy] }\n';
  bench.write("sluice.yaml", `${SETTINGS}${granted}`);
  bench.commit();
  const shipped = (): string => readFileSync(join(bench.root, "shipped"), "utf8");
  for (let nth = 1; nth <= 2; nth++) {
    const { code, stdout, stderr } = await deployed();
    expect([code, stdout], stderr).toEqual([0, expect.stringContaining("deployment 1 of prod succeeded")]);
    expect(shipped()).toBe("digits one\n");
    bench.git("update-ref", REF, `${REF}~1`);
  }
  const other = await deployed("digits", second);
  expect([other.code, other.stdout], other.stderr).toEqual([
    0,
    expect.stringMatching(/deployment 1 of prod succeeded(?:.|\n)*deployment 2 of prod succeeded/),
  ]);
  expect(shipped()).toBe("digits one\ndigits two\n");

  // Killed while it deployed something else: how far that came nobody knows.
  const [id, plan] = [runId("z"), digestOf("another plan")];
  const begun = { id, pipeline: "ship", request: "deploy:prod:3", source: bench.git("rev-parse", "HEAD").trim(), plan };
  bench.write(`.sluice/runs/${id}.json`, JSON.stringify({ ...begun, startedAt: "2026-02-01T10:00:00Z" }));
  const lost = await deployed("digits", first);
  expect([lost.code, lost.stdout], lost.stderr).toEqual([1, expect.stringContaining("deployment 3 of prod lost")]);
  expect((await bench.sluice("cancel", "latest")).stderr).toContain("some of it may have happened");
  const manifest = bench.git("show", `refs/sluice/local:${manifestPath(id)}`);
  expect(manifest).toMatch(/"trigger": ?"deploy"/);
});
