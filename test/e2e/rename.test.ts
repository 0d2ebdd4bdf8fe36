import { expect, test } from "vitest";

import { ledgerLog } from "./ledger-log.ts";
import { digits } from "./repositories.ts";
import { asked, events, stage } from "./stage.ts";
import { gitIn, town } from "./town.ts";

const SETTINGS = `version: 1
pipelines: pipelines/*.yaml
environments:
  staging: { auto: true }
  prod: { approvals: { count: 1 } }
`;

test(
  "a pipeline that is called otherwise stays held, though its file is taken away",
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

    // Nobody says any more what it was called, and what was asked for waits still.
    await until("its hold is written down", async () => (await ledger()).includes("staging/total: held by max"));
    await merge("gone", {
      "pipelines/sum.yaml": null,
      "pipelines/other.yaml": "version: 1\nsteps:\n  a: { run: 'echo 1 > o.txt', outputs: [o.txt] }\n",
    });
    await until("another one is released", async () => (await ledger()).includes("staging/other: released"));
    expect(await ledger()).not.toContain("staging/total: released");
  },
);

test(
  "the pin of the old name counts until the new one is there, and then is told to be taken away",
  {
    timeout: 240_000,
  },
  async () => {
    const place = await stage();
    const { forge, repository, label, say, until, ledger } = place;
    const issues = (): readonly string[] =>
      [...repository.issues.values()].filter(({ state }) => state === "open").map(({ title }) => title);
    const first = await asked(place, await place.merge(2));
    label(first, "approve:staging", "bob");
    await until("it is released", async () => (await events(place, "released")).length === 1);

    const text = await gitIn(repository.directory, "show", "main:pipelines/sum.yaml");
    const files = {
      "pipelines/sum.yaml": text.replace("name: sum", "name: total\nwas: [sum]"),
      "params.yaml": "plus: 3\n",
    };
    await forge.commit(repository, { branch: "rename", files, message: "rename", login: "alice" });
    const rename = await forge.openPull(repository, { branch: "rename", title: "rename", login: "alice" });
    await forge.merge(repository, rename, { login: "alice" });
    await until("its run is recorded", async () => (await ledger()).includes("total 44"));
    say(rename, "alice", "/sluice promote staging total");
    const page = () => [...repository.pulls.values()].find(({ branch }) => branch === "sluice/promote/staging/total");
    await until("its promotion is open", () => page() !== undefined);
    expect(issues()).toEqual([]);

    const open = page();
    if (open === undefined) throw new Error("unreachable: it is there");
    await until("its check says what is missing", () => place.check(open).includes("waiting for"));
    label(open, "approve:staging", "bob");
    await until("the old pin is told of", () => issues().length === 1);
    expect(await ledger()).toContain("staging/total: released");
    expect(issues()).toEqual(["Files under environments/ pin what was never released"]);
    expect([...repository.issues.values()].at(-1)?.body).toContain("environments/staging/sum.yaml");

    // By the name that it had, as by the one that it has.
    say(open, "max", "/sluice rollback staging sum");
    await until("it is rolled back", async () => (await ledger()).includes("staging/total: rolled-back"));
  },
);

const GATED = `version: 1
pipelines: pipelines/*.yaml
environments:
  staging:
    auto: true
    gates: ["live == null || metrics.total >= live.metrics.total"]
`;

test(
  "a renamed pipeline whose file is broken is not released: nobody knows by then what is live under its name",
  { timeout: 240_000 },
  async () => {
    const place = await town();
    const { forge } = place.twin;
    const repository = await digits(forge, { "sluice.yaml": GATED });
    const ledger = (): Promise<string> => ledgerLog(repository);
    const merge = async (branch: string, files: Record<string, string | null>): Promise<void> => {
      await forge.commit(repository, { branch, files, message: branch, login: "alice" });
      const pull = await forge.openPull(repository, { branch, title: branch, login: "alice" });
      await forge.merge(repository, pull, { login: "alice" });
    };
    const other = (name: string): string =>
      `version: 1\nsteps:\n  a: { run: 'echo 1 > ${name}.txt', outputs: [${name}.txt] }\n`;
    await place.until("the first is released", async () => (await ledger()).includes("staging/sum: released"));
    const text = await gitIn(repository.directory, "show", "main:pipelines/sum.yaml");
    const renamed = text.replace("name: sum", "name: total\nwas: [sum]");
    await merge("rename", { "pipelines/sum.yaml": renamed, "params.yaml": "plus: 0\n" });
    await place.until("its run is asked for", async () => (await ledger()).includes("staging/total: requested"));
    await merge("broken", { "pipelines/sum.yaml": `${renamed}\n  oh: {\n`, "pipelines/other.yaml": other("o") });
    await place.until("another one is released", async () => (await ledger()).includes("staging/other: released"));
    expect(await ledger()).not.toContain("staging/total: released");
  },
);
