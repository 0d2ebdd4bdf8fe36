import { expect, test } from "vitest";

import { ledgerLog } from "./ledger-log.ts";
import { digits } from "./repositories.ts";
import { gitIn, town } from "./town.ts";

const SETTINGS = `version: 1
pipelines: pipelines/*.yaml
environments:
  staging: { auto: true }
  prod: { approvals: { count: 1 } }
`;

test(
  "a pipeline that is called otherwise stays held, and goes back to what was live",
  { timeout: 240_000 },
  async () => {
    const place = await town();
    const { forge } = place.twin;
    const until: typeof place.until = (what, fact) => place.until(what, fact);
    const repository = await digits(forge, { "sluice.yaml": SETTINGS });
    repository.roles.set("max", "maintain");
    const ledger = (): Promise<string> => ledgerLog(repository);
    const released = async (): Promise<readonly string[]> =>
      (await ledger()).match(/^staging\/\w+: (released|rolled-back)/gm) ?? [];
    const merge = async (branch: string, files: Record<string, string | null>): Promise<number> => {
      await forge.commit(repository, { branch, files, message: branch, login: "alice" });
      const pull = await forge.openPull(repository, { branch, title: branch, login: "alice" });
      await forge.merge(repository, pull, { login: "alice" });
      return pull.number;
    };
    const say = (on: number, body: string): void =>
      void forge.comment(repository, on, { body, user: forge.world.user("max"), app: null });
    await until("the first run is released", async () => (await released()).length === 1);
    const page = await merge("two", { "params.yaml": "plus: 2\n" });
    await until("the second is released", async () => (await released()).length === 2);
    say(page, "/sluice hold staging/sum bad model");
    await until("it is held", async () => (await ledger()).includes("staging/sum: held"));
    say(page, "/sluice promote prod sum");
    const asked = () => [...repository.pulls.values()].find(({ branch }) => branch === "sluice/promote/prod/sum");
    await until("its promotion is open", () => asked() !== undefined);

    const text = await gitIn(repository.directory, "show", "main:pipelines/sum.yaml");
    await merge("rename", {
      "pipelines/sum.yaml": text.replace("name: sum", "name: total\nwas: [sum]"),
      "params.yaml": "plus: 3\n",
    });
    // Asked for and decided on by one look, which says last what ended with the old name.
    await until("its run is asked for", async () => (await ledger()).includes("staging/total: requested"));
    await until("what was asked for under the old name is closed", () => asked()?.state === "closed");
    expect(await ledger()).toMatch(
      /^prod\/sum: revoked by sluice · sum is called total on the default branch by now$/m,
    );
    expect(await released()).toEqual(["staging/sum: released", "staging/sum: released"]);

    // By the name that it had, as by the one that it has.
    say(page, "/sluice rollback staging sum");
    await until("it is rolled back", async () => (await released()).length === 3);
    expect((await released())[0]).toBe("staging/total: rolled-back");
  },
);
