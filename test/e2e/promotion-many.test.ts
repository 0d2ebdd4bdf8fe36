import { expect, test } from "vitest";

import { ledgerLog } from "./ledger-log.ts";
import { digits, PLUS_TWO } from "./repositories.ts";
import { nothingToDo, town } from "./town.ts";

const MANY = ["e0", "e1", "e2", "e3"];

test("a hold that is said while a look releases to others is not crossed by the same look", async () => {
  const place = await town();
  const { forge } = place.twin;
  const until = (what: string, fact: () => boolean | Promise<boolean>): Promise<void> => place.until(what, fact);
  const repository = await digits(forge, {
    "sluice.yaml": [
      "version: 1",
      "pipelines: pipelines/*.yaml",
      "environments:",
      ...MANY.map((name) => `  ${name}: { approvals: { count: 1 } }`),
      "",
    ].join("\n"),
  });
  repository.roles.set("bob", "write");
  const ledger = (): Promise<string> => ledgerLog(repository);
  await until("the first run is recorded", async () => (await ledger()).includes("total 42"));
  await forge.commit(repository, { branch: "more", ...PLUS_TWO });
  const pull = await forge.openPull(repository, { branch: "more", title: "Add more", login: "alice" });
  await forge.merge(repository, pull, { login: "alice" });
  await until("the merge is recorded", async () => (await ledger()).includes("total 43"));
  for (const name of MANY) forge.label(repository, pull, { name: `promote:${name}`, add: true, login: "alice" });
  const page = (name: string) =>
    [...repository.pulls.values()].find(({ branch }) => branch === `sluice/promote/${name}/sum`);
  await until("all wait for somebody", () => MANY.every((name) => page(name)?.body.includes("waiting for 1")));
  await nothingToDo(place);

  const [, , , last] = MANY.map(page);
  if (last === undefined) throw new Error("unreachable: all are there");
  // In the very moment of the first merge, which a look does in the middle of its work.
  const merge = forge.merge.bind(forge);
  let said = false;
  forge.merge = async (of, merged, order) => {
    const commit = await merge(of, merged, order);
    if (said || commit === null) return commit;
    said = true;
    forge.comment(of, last.number, { body: "/sluice hold e3 it is bad", user: forge.world.user("bob"), app: null });
    return commit;
  };
  for (const name of MANY) {
    const waiting = page(name);
    if (waiting !== undefined) forge.label(repository, waiting, { name: `approve:${name}`, add: true, login: "bob" });
  }
  const released = async (): Promise<readonly string[]> =>
    [...(await ledger()).matchAll(/^(e\d)\/sum: released/gm)].map(([, name = ""]) => name).toSorted();
  await until("the others are released", async () => (await released()).length >= 3);
  await until("it is held", async () => (await ledger()).includes("e3: held by bob"));
  expect([await released(), last.merged]).toEqual([["e0", "e1", "e2"], false]);

  forge.comment(repository, last.number, { body: "/sluice unhold e3", user: forge.world.user("bob"), app: null });
  await until("it goes on", async () => (await released()).length === 4);
}, 240_000);
