import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { ENV, sluiceIn, type Answer } from "../sluice.ts";
import { event, released } from "./released.ts";

const REF = "refs/sluice/offline/prod/digits";

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
  bench.write("sluice.yaml", "version: 1\nsandbox: off\nenvironments:\n  prod: { deploy: pipelines/ship.yaml }\n");
  bench.write(
    "pipelines/ship.yaml",
    'version: 1\nsteps:\n  ship: { run: "cat build/digits.txt >> ../../shipped", inputs: ["release:build/digits.txt"], secrets: [TOKEN] }\n',
  );
  bench.commit();
  const deployed = (): Promise<Answer> => sluiceIn(bench.root, ["rollback", "prod", "--offline"], env);
  const refused = await deployed();
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringMatching(
      /not deployed: secret `TOKEN` is not granted(?:.|\n)*on: \[deploy\](?:.|\n)*the service deploys it/,
    ),
  ]);
  rmSync(join(bench.root, ".sluice", "store", "objects"), { recursive: true });
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
});
