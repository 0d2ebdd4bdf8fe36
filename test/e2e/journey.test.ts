import { expect, test } from "vitest";

import { ledgerLog } from "./ledger-log.ts";
import { digits } from "./repositories.ts";
import { gitIn, town } from "./town.ts";

test("change, review, run, merge: the comment, the checks and the ledger follow", { timeout: 90_000 }, async () => {
  const place = await town();
  const { twin } = place;
  const until: typeof place.until = (what, fact) => place.until(what, fact);
  const { forge } = twin;
  const repository = await digits(forge);
  const ledger = (): Promise<string> => ledgerLog(repository);
  // First contact: once at the tip.
  await until("the first run is recorded", async () => (await ledger()).includes("Sluice-Trigger: push"));

  await forge.commit(repository, {
    branch: "more",
    files: { "params.yaml": "plus: 2\n" },
    message: "Add more",
    login: "alice",
  });
  const pull = await forge.openPull(repository, { branch: "more", title: "Add more", login: "alice" });
  const comments = () => repository.comments.get(pull.number) ?? [];
  const sticky = () => comments().find((comment) => comment.app !== null);
  await until("the plan is there", () => sticky() !== undefined);
  expect(sticky()?.body).toContain("parameter `plus` 1 → **2**");
  await until("the check is there", () =>
    repository.checks.some((check) => check.name === "sluice / plan" && check.conclusion === "success"),
  );

  forge.comment(repository, pull.number, { body: "/sluice run", user: forge.world.user("mallory"), app: null });
  await until("mallory is refused", () =>
    comments().some((comment) => comment.reactions.some(({ content }) => content === "confused")),
  );
  expect(await gitIn(repository.directory, "for-each-ref", "refs/sluice/runs")).toBe("");

  forge.comment(repository, pull.number, { body: "/sluice run", user: forge.world.user("alice"), app: null });
  await until("the run is shown", () => sticky()?.body.includes("| total") === true);
  expect(sticky()?.body).toContain("| total ↑ | 42 | **43** | +1 | better");
  expect(comments().filter((comment) => comment.app !== null)).toHaveLength(1);

  await forge.merge(repository, pull, { login: "alice" });
  await until("the merge is recorded", async () => (await ledger()).match(/Sluice-Trigger: push/g)?.length === 2);
  const text = await ledger();
  expect(text).toMatch(/^sum: succeeded · total 43/);
  expect(text).toContain("Sluice-Requested-By: alice");
  await until(
    "nothing is left to do",
    async () => (await gitIn(repository.directory, "for-each-ref", "refs/sluice/runs")) === "",
  );
  expect(await gitIn(repository.directory, "fsck", "--strict", "--no-dangling")).toBe("");
});
