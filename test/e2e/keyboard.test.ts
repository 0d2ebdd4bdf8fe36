import { execFile } from "node:child_process";
import { join } from "node:path";

import { expect, test } from "vitest";

import { AT_NIGHT, NIGHTLY } from "../nightly.ts";
import { BIN, ENV, type Answer } from "../sluice.ts";
import type { TwinPullRequest } from "../../src/twin/world.ts";
import { ledgerLog } from "./ledger-log.ts";
import { digits, PLUS_TWO } from "./repositories.ts";
import { gitIn, town } from "./town.ts";

const SETTINGS = `version: 1
sandbox: off
pipelines: pipelines/*.yaml
environments:
  staging:
    gates: ["metrics.total > 40"]
    approvals: { count: 1 }
`;

/** A change of alice's is merged and ran; people sit at keyboards in a clone, with tokens of their own. */
async function office() {
  const place = await town();
  const { forge } = place.twin;
  const repository = await digits(forge, { "sluice.yaml": SETTINGS });
  repository.roles.set("bob", "write");
  repository.roles.set("max", "maintain");
  const clone = join(place.directory, "clone");
  const ledger = (): Promise<string> => ledgerLog(repository);
  const merge = async (branch: string, plus: number): Promise<TwinPullRequest> => {
    await forge.commit(repository, { ...PLUS_TWO, branch, files: { "params.yaml": `plus: ${plus}\n` } });
    const pull = await forge.openPull(repository, { branch, title: branch, login: "alice" });
    await forge.merge(repository, pull, { login: "alice" });
    await place.until(`${branch} is recorded`, async () => (await ledger()).includes(`total ${41 + plus}`));
    return pull;
  };
  const as =
    (login: string) =>
    (...args: readonly string[]): Promise<Answer> =>
      new Promise((resolve) => {
        const env = {
          ...ENV,
          GH_TOKEN: place.twin.tokenOf(login),
          GHE_HOST: new URL(place.twin.url).host,
          GHE_PROTOCOL: "http",
        };
        execFile(BIN, args, { cwd: clone, env }, (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
        });
      });
  const pull = await merge("more", 2);
  await gitIn(place.directory, "clone", "-q", repository.directory, clone);
  await gitIn(clone, "remote", "set-url", "origin", `${place.twin.url}/acme/digits.git`);
  const fetch = (): Promise<string> =>
    gitIn(clone, "fetch", "-q", repository.directory, "+refs/heads/sluice/ledger:refs/remotes/origin/sluice/ledger");
  return { ...place, repository, ledger, merge, as, pull, clone, fetch };
}

test.skipIf(!NIGHTLY)(
  `people promote, approve, hold and roll back from their keyboards${AT_NIGHT}`,
  { timeout: 600_000 },
  async () => {
    const place = await office();
    const { as, ledger, merge, fetch, repository, pull } = place;
    const until: typeof place.until = (what, fact) => place.until(what, fact);
    const [alice, bob, max, mallory] = [as("alice"), as("bob"), as("max"), as("mallory")];
    const released = async (): Promise<number> => (await ledger()).match(/^staging\/sum: released/gm)?.length ?? 0;
    const shown = (): Promise<void> =>
      until("the page says what is missing", () =>
        [...repository.pulls.values()].some(
          ({ state, body }) => state === "open" && body.includes("waiting for 1 approval"),
        ),
      );

    const stranger = await mallory("promote", "staging");
    expect(stranger.stderr).toContain("refused: promoting needs write permission: ask somebody who has it to comment");
    expect(stranger.code).toBe(77);
    const nowhere = await alice("promote", "stagin", "sum");
    expect([nowhere.code, nowhere.stderr]).toEqual([
      1,
      expect.stringContaining("refused: there is no environment `stagin`: did you mean `staging`?"),
    ]);

    const early = await bob("approve", "staging");
    expect([early.code, early.stderr]).toEqual([1, expect.stringContaining("next: sluice promote staging")]);
    const asked = await alice("promote", "staging", "sum");
    expect([asked.code, asked.stderr]).toEqual([0, expect.stringContaining(`said as alice: `)]);
    expect(asked.stdout).toMatch(
      /^accepted: promote staging sum\nopen: Promote sum to staging: run \w{8} .*\/pull\/\d+\n$/,
    );
    // It is said where its run came from.
    expect(repository.comments.get(pull.number)?.map(({ body }) => body)).toContain("/sluice promote staging sum");
    await shown();
    const agreed = await bob("approve", "staging");
    expect([agreed.code, agreed.stdout]).toEqual([0, "accepted: approve staging\n"]);
    await until("it is released", async () => (await released()) === 1);
    expect(await ledger()).toContain("Sluice-Approved-By: bob");

    const held = await bob("hold", "staging/sum", "the", "holidays", "begin");
    expect([held.code, held.stderr]).toEqual([0, expect.stringContaining("said as bob")]);
    expect(await ledger()).toMatch(/^staging\/sum: held by bob · the holidays begin$/m);
    await fetch();
    const status = await bob("status");
    expect(status.stdout).toMatch(/staging +sum +\w{4} live since .*\n +held by bob since .*: the holidays begin/);
    expect((await bob("unhold", "staging/sum")).code).toBe(0);
    expect(await ledger()).toMatch(/^staging\/sum: unheld by bob$/m);

    await merge("most", 3);
    expect((await alice("promote", "staging")).code).toBe(0);
    await shown();
    const again = await bob("approve", "staging", "sum");
    expect([again.code, again.stdout]).toEqual([0, "accepted: approve staging sum\n"]);
    await until("the second is released", async () => (await released()) === 2);
    await fetch();
    const before = JSON.parse((await max("show", "staging:sum~1", "--json")).stdout) as { run: { id: string } };
    const lesser = await bob("rollback", "staging", "sum");
    expect([lesser.code, lesser.stderr]).toEqual([
      77,
      expect.stringContaining("rolling back needs maintain permission"),
    ]);
    const back = await max("rollback", "staging", "sum", "staging:sum~1");
    expect([back.code, back.stdout]).toEqual([0, `accepted: rollback staging sum ${before.run.id}\n`]);
    expect(await ledger()).toMatch(/^staging\/sum: rolled-back by max/m);
    await fetch();
    const live = JSON.parse((await max("show", "staging", "--json")).stdout) as { run: { id: string } };
    expect(live.run.id).toBe(before.run.id);
  },
);
