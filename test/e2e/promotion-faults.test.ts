import { expect, test } from "vitest";

import { passQueue } from "../../src/twin/merge-queue.ts";
import type { QueueEntry } from "../../src/twin/world.ts";
import { AT_NIGHT, NIGHTLY } from "../nightly.ts";
import { asked, CHECK, events, PIN, settings, stage } from "./stage.ts";
import { gitIn, minutePasses } from "./town.ts";

test("labels of those who may not, of an author and of a bot count for nothing, and each is told why", async () => {
  const place = await stage();
  const { forge, repository, label, until, check } = place;
  const page = await asked(place, await place.merge(2));
  const robot = forge.world.user("robot[bot]", "Bot");
  repository.roles.set(robot.login, "write");
  for (const [login, why] of [
    ["mallory", "this account may not approve here"],
    ["alice", "an author does not approve their own change"],
    ["robot[bot]", "a bot does not approve"],
    ["mallory", "this account may not approve here"],
  ] as const) {
    label(page, "approve:staging", login);
    await until(`the label of ${login} is taken off`, () => !page.labels.includes("approve:staging"));
    const words = `the approval of ${login.replace(/[[\]]/g, "\\$&")} does not count: ${why}`;
    await until(`${login} is told why`, () => check(page).includes(words));
  }
  // Why stands there as long as the promotion is open, not only while the label did.
  await minutePasses({ ...place, until: place.until });
  label(page, "approve:staging", "bob");
  label(page, "approve:staging", "bob", false);
  label(page, "sluice:hold", "bob");
  await until("all of them are told", () =>
    ["mallory", "alice", "robot"].every((login) => check(page).includes(`the approval of ${login}`)),
  );
  expect(page.merged).toBe(false);
  expect(await events(place, "approved")).toEqual([]);

  label(page, "approve:staging", "bob");
  await until("it is released", async () => (await events(place, "released")).length === 1);
  expect(await events(place, "approved")).toEqual(["staging/sum: approved by bob"]);
}, 240_000);

test("what was agreed to is asked again at the moment of merging, and dies with the head that it was given for", async () => {
  const place = await stage("{ count: 1, teams: [acme/ml] }");
  const { forge, repository, label, say, until, check } = place;
  const members = new Set(["bob"]);
  forge.world.teams.set("acme/ml", members);
  const page = await asked(place, await place.merge(2));
  say(page, "max", "/sluice hold staging/sum the fair");
  await until("it is held", () => check(page).includes("held by max"));
  label(page, "approve:staging", "bob");
  await until("bob agrees", async () => (await events(place, "approved")).length === 1);

  members.delete("bob");
  say(page, "max", "/sluice unhold staging/sum");
  const left = "the approval of bob does not count: this account may not approve here";
  await until("bob is asked about again", () => check(page).includes(left));
  expect(page.merged).toBe(false);
  expect(await place.ledger()).toContain("staging/sum: revoked by bob · this account may not approve here");

  // He is back and agrees, and then somebody puts a commit of their own there.
  members.add("bob");
  say(page, "max", "/sluice hold staging/sum the fair");
  await until("it is held again", async () => (await events(place, "held")).length === 2);
  label(page, "approve:staging", "bob");
  await until("bob agrees again", async () => (await events(place, "approved")).length === 2);
  const ours = page.head;
  await forge.commit(repository, {
    branch: page.branch,
    files: { "params.yaml": "plus: 66\n" },
    message: "Mine",
    login: "carol",
  });
  await until("it is not taken", () => check(page).startsWith("failure: changed by hand"));
  expect(check(page)).toContain("/sluice promote staging sum");
  const button = repository.checks.findLast((one) => one.name === CHECK && one.head === page.head);
  expect(button?.actions.map(({ identifier }) => identifier)).toEqual(["restore"]);
  say(page, "max", "/sluice unhold staging/sum");
  say(page, "alice", "/sluice promote staging sum");
  await until("it is restored", () => check(page).includes("waiting for 1 approval"));
  expect(await gitIn(repository.directory, "diff", "--name-only", `main...${page.head}`)).toBe(`${PIN}\n`);
  expect(page.head).not.toBe(ours);
  await until("the old label is gone", () => !page.labels.includes("approve:staging"));
  expect(page.merged).toBe(false);

  // Once more, by the button.
  await forge.commit(repository, {
    branch: page.branch,
    files: { "a.txt": "a\n" },
    message: "Mine",
    login: "carol",
  });
  await until("it is not taken again", () => check(page).startsWith("failure: changed by hand"));
  const shown = repository.checks.findLast((one) => one.name === CHECK && one.head === page.head);
  if (shown === undefined) throw new Error("unreachable: it is there");
  forge.announce.check(repository, shown, { button: "restore", sender: forge.world.user("mallory") });
  forge.announce.check(repository, shown, { button: "restore", sender: forge.world.user("alice") });
  await until("the button restores it", () => check(page).includes("waiting for 1 approval"));
  forge.review(repository, page, { state: "APPROVED", login: "bob" });
  await until("it is released", async () => (await events(place, "released")).length === 1);
  expect(await gitIn(repository.directory, "show", "main:params.yaml")).toBe("plus: 2\n");
}, 480_000);

test.skipIf(!NIGHTLY)(
  `an environment that is taken out of the settings leaves nobody waiting${AT_NIGHT}`,
  async () => {
    const place = await stage();
    const { forge, repository, say, until, check, answers } = place;
    const merged = await place.merge(2);
    const page = await asked(place, merged);
    const broken = { "sluice.yaml": "version: 1\nenvironments: [\n" };
    await forge.commit(repository, { branch: "main", files: broken, message: "Broken", login: "max" });
    say(merged, "alice", "/sluice promote staging");
    await until("settings that cannot be read end nothing", () => answers(merged).includes("has problems"));
    expect(page.state).toBe("open");

    const none = { "sluice.yaml": "version: 1\n" };
    await forge.commit(repository, { branch: "main", files: none, message: "No environments", login: "max" });
    await until("it is closed", () => page.state === "closed");
    await until("the page says why", () =>
      answers(page).includes("sluice.yaml on the default branch has no environment staging any more"),
    );
    expect(answers(page)).toContain("/sluice promote staging sum");
    await until("the check says why", () =>
      check(page).startsWith("failure: closed: sluice.yaml on the default branch"),
    );
    await until("the ledger has it", async () => (await events(place, "revoked")).length === 1);

    // It comes back, and nothing happens by itself.
    const back = { "sluice.yaml": settings("{ count: 1 }") };
    await forge.commit(repository, { branch: "main", files: back, message: "Back", login: "max" });
    const again = await asked(place, merged);
    expect(again.number).not.toBe(page.number);
    expect(await events(place, "released")).toEqual([]);
  },
  240_000,
);

test.skipIf(!NIGHTLY)(
  `what can never be promoted is refused in words, and another run is promoted by its name${AT_NIGHT}`,
  async () => {
    const place = await stage();
    const { forge, repository, say, until, answers } = place;
    const runs = async (): Promise<readonly string[]> => {
      const format =
        "%(trailers:key=Sluice-Run,valueonly,separator=%x20) %(trailers:key=Sluice-Status,valueonly,separator=%x20) %s";
      const log = await gitIn(repository.directory, "log", `--format=${format}`, "sluice/ledger", "--");
      return log.split("\n").filter((line) => line.includes("sum: "));
    };
    const pull = await place.merge(2);
    const [good = ""] = ((await runs()).find((line) => line.includes("total 43")) ?? "").split(" ");
    await forge.commit(repository, {
      branch: "bad",
      files: { "add.sh": "exit 3\n" },
      message: "Bad",
      login: "alice",
    });
    const other = await forge.openPull(repository, { branch: "bad", title: "Bad", login: "alice" });
    say(other, "alice", "/sluice run");
    await until("it is tried", async () => (await runs()).some((line) => line.includes(" failed ")));
    const [tried = ""] = ((await runs()).find((line) => line.includes(" failed ")) ?? "").split(" ");
    await forge.merge(repository, other, { login: "alice" });
    await until("it fails", async () => (await runs()).filter((line) => line.includes(" failed ")).length === 2);
    const failed = (await runs())
      .map((line) => line.split(" "))
      .find(([id, status]) => status === "failed" && id !== tried);
    for (const [command, why] of [
      [`staging sum ${failed?.[0] ?? ""}`, "cannot be promoted: it failed: promote a successful run"],
      [`staging sum ${tried}`, "cannot be promoted: it is no run of the default branch"],
      ["staging sum 7777777777777777", "there is no run `7777777777777777`"],
      [`staging ship ${good}`, "there is no pipeline `ship`"],
      ["stagin sum", "did you mean"],
    ] as const) {
      say(pull, "alice", `/sluice promote ${command}`);
      await until(`refused: ${command}`, () => answers(pull).includes(why));
    }
    expect(await events(place, "requested")).toEqual([]);
    say(pull, "alice", `/sluice promote staging sum ${good.slice(0, 12)}`);
    await until("it is asked for", async () => (await events(place, "requested")).length > 0);
    await until("its page is open", () => place.promotion()?.title.includes(good.slice(0, 8)) === true);
  },
  240_000,
);

test.skipIf(!NIGHTLY)(
  `two promotions race, and what was agreed to for one never releases the other${AT_NIGHT}`,
  async () => {
    const place = await stage();
    const { label, say, until, promotion, check } = place;
    const first = await asked(place, await place.merge(2));
    const second = await place.merge(3);
    const { title } = first;
    label(first, "approve:staging", "bob");
    say(second, "alice", "/sluice promote staging sum");
    await until("the second is asked for", () => promotion()?.title !== title);
    const page = promotion();
    if (page === undefined) throw new Error("unreachable: it is there");
    await until("it waits for its own approval", () => page.merged || check(page).includes("waiting for 1 approval"));
    await until("bob agrees to it", () => {
      if (!page.labels.includes("approve:staging")) label(page, "approve:staging", "bob");
      return page.merged;
    });
    await until("it is released", async () => (await place.ledger()).includes(`released`));
    const facts = await gitIn(
      place.repository.directory,
      "log",
      "--reverse",
      "--format=%(trailers:key=Sluice-Event,valueonly,separator=) %(trailers:key=Sluice-Run,valueonly,separator=) %(trailers:key=Sluice-Evidence,valueonly,separator=)",
      "--grep=^Sluice-Event: ",
      "sluice/ledger",
    );
    const all = facts.split("\n").map((line) => line.split(" "));
    const released = all.filter(([kind]) => kind === "released");
    expect(released.length).toBeGreaterThan(0);
    for (const [, run, evidence] of released)
      expect(all.some(([kind, one, of]) => kind === "approved" && one === run && of === evidence)).toBe(true);
    expect(
      [...place.repository.pulls.values()].filter(({ state, branch }) => state === "open" && branch === page.branch),
    ).toEqual([]);
  },
  240_000,
);

test.skipIf(!NIGHTLY)(
  `main moves fast under an approval by two, and exactly what they saw is merged${AT_NIGHT}`,
  async () => {
    const place = await stage("{ count: 2 }");
    const { forge, repository, label, say, until, check } = place;
    const page = await asked(place, await place.merge(2));
    const shown = page.head;
    label(page, "approve:staging", "bob");
    await until("one is missing", () => check(page).includes("waiting for 1 approval"));
    for (let number = 1; number <= 8; number++) {
      const files = { "README.md": `${number}\n` };
      await forge.commit(repository, {
        branch: "main",
        files,
        message: `Read me ${number}`,
        login: "alice",
      });
      if (number === 4) say(page, "carol", "/sluice approve staging sum");
    }
    await until("it is released", async () => (await events(place, "released")).length === 1);
    expect(page.head).toBe(shown);
    expect((await events(place, "approved")).toSorted()).toEqual([
      "staging/sum: approved by bob",
      "staging/sum: approved by carol",
    ]);
    expect(await events(place, "revoked")).toEqual([]);
    const { mergeCommit, directory } = { mergeCommit: page.mergeCommit ?? "", directory: repository.directory };
    expect(await gitIn(directory, "show", `${mergeCommit}:${PIN}`)).toBe(
      await gitIn(directory, "show", `${shown}:${PIN}`),
    );
    expect(await gitIn(directory, "diff", "--name-only", `${mergeCommit}~1`, mergeCommit)).toBe(`${PIN}\n`);
    expect(await gitIn(directory, "fsck", "--strict", "--no-dangling")).toBe("");
  },
  240_000,
);

test.skipIf(!NIGHTLY)(
  `what a queue merges is released by what was agreed to before it, though the pin is another one by then${AT_NIGHT}`,
  async () => {
    const place = await stage();
    const { forge, repository, label, until } = place;
    const queue = new Map<number, QueueEntry>();
    forge.queues.set(repository.id, queue);
    const page = await asked(place, await place.merge(2));
    label(page, "approve:staging", "bob");
    await until("it is in the queue", () => queue.has(page.number));
    await passQueue(forge, repository);
    await until("it is released", async () => (await events(place, "released")).length === 1);
    expect(await events(place, "revoked")).toEqual([]);
  },
  240_000,
);
