import { join } from "node:path";

import { expect, test } from "vitest";

import type { TwinPullRequest, TwinRepository } from "../../src/twin/world.ts";
import { expectInOrder, own } from "./order.ts";
import { digits, PLUS_TWO } from "./repositories.ts";
import { accepted, gitIn, minutePasses, recorded, town, type Town } from "./town.ts";

const FOREVER = `version: 1
name: sum
params: params.yaml
steps:
  add: { run: "sleep 600", params: [plus], outputs: [sum.txt] }
`;
const SLOW = { "add.sh": "sleep 4\necho 1 > sum.txt\necho '{\"total\": 1}' > metrics.json\n" };

/** Somebody with every right moves refs by hand. */
function byHand({ twin }: Town, repository: TwinRepository, ...args: readonly string[]): Promise<string> {
  return twin.forge.watching(repository, "alice", () => gitIn(repository.directory, ...args));
}

async function running(place: Town): Promise<{ readonly repository: TwinRepository; readonly pull: TwinPullRequest }> {
  const { forge } = place.twin;
  const repository = await digits(forge);
  await place.until("first contact", async () => (await recorded(repository)).length === 1);
  const files = { "pipelines/sum.yaml": FOREVER, "params.yaml": "plus: 5\n" };
  await forge.commit(repository, { branch: "more", files, message: "For ever", login: "alice" });
  const pull = await forge.openPull(repository, { branch: "more", title: "For ever", login: "alice" });
  await place.until("the plan is there", () => own(repository, pull.number).length === 1);
  forge.comment(repository, pull.number, { body: "/sluice run", user: forge.world.user("alice"), app: null });
  const check = () => repository.checks.find(({ name, head }) => name === "sluice / run" && head === pull.head);
  await place.until("the run is told", () => check()?.status === "in_progress");
  return { repository, pull };
}

test("a comment of ours that somebody deletes comes back at once, and once", { timeout: 240_000 }, async () => {
  const place = await town();
  const { forge } = place.twin;
  const repository = await digits(forge);
  await forge.commit(repository, { ...PLUS_TWO, branch: "more" });
  const { number } = await forge.openPull(repository, { branch: "more", title: "More", login: "alice" });
  await place.until("the plan is there", () => own(repository, number).length === 1);
  await place.until("the first run is recorded", async () => (await recorded(repository)).length === 1);
  await expectInOrder(place, repository);
  for (const _ of ["once", "and again"]) {
    const [comment] = own(repository, number);
    if (comment === undefined) throw new Error("there is no comment");
    forge.deleteComment(repository, number, { comment, login: "alice" });
    await place.until("it is there again", () => own(repository, number).length > 0);
    await forge.deliveries.idle();
    await minutePasses(place);
    await expectInOrder(place, repository);
    expect(own(repository, number).map(({ body }) => body)).toEqual([comment.body]);
  }
});

test(
  "a branch that is deleted while its run goes on: the run ends, and so does its check",
  { timeout: 240_000 },
  async () => {
    const place = await town();
    const { repository, pull } = await running(place);
    await byHand(place, repository, "update-ref", "-d", "refs/heads/more");
    await place.until("the run is recorded", async () => (await recorded(repository)).length === 2);
    expect(await recorded(repository)).toEqual(["sum command superseded", "sum push succeeded"]);
    await expectInOrder(place, repository);
    const check = repository.checks.find(({ name, head }) => name === "sluice / run" && head === pull.head);
    expect(check?.conclusion).toBe("cancelled");
  },
);

test(
  "a force-push while a run goes on: the check stands at the new head, the old one is ended",
  { timeout: 240_000 },
  async () => {
    const place = await town();
    const { forge } = place.twin;
    const { repository, pull } = await running(place);
    const old = pull.head;
    await forge.commit(repository, {
      branch: "other",
      files: { "params.yaml": "plus: 7\n" },
      message: "7",
      login: "alice",
    });
    await byHand(place, repository, "update-ref", "refs/heads/more", "refs/heads/other");
    expect(pull.head).not.toBe(old);
    const at = (head: string) => repository.checks.filter((check) => check.head === head);
    await place.until("the new head has its check", () => at(pull.head).some(({ name }) => name === "sluice / plan"));
    await place.until("the run is recorded", async () => (await recorded(repository)).length === 2);
    await expectInOrder(place, repository);
    expect(at(old).find(({ name }) => name === "sluice / run")?.conclusion).toBe("cancelled");
    expect(own(repository, pull.number)).toHaveLength(1);
    expect(own(repository, pull.number)[0]?.body).toContain("**7**");
  },
);

test(
  "an acceptance that is deleted by hand is no way to lose a run: under way or waiting, each is recorded once",
  { timeout: 240_000 },
  async () => {
    const place = await town();
    const { forge } = place.twin;
    const repository = await digits(forge, SLOW);
    await place.until("a run is accepted", async () => (await accepted(repository)) !== "");
    await forge.commit(repository, { ...PLUS_TWO, branch: "main" });
    await place.until("another one waits", async () => (await accepted(repository)).trim().split("\n").length === 2);
    for (const ref of (await accepted(repository)).trim().split("\n"))
      await byHand(place, repository, "update-ref", "-d", ref);
    await place.until("both are recorded", async () => (await recorded(repository)).length === 2);
    await minutePasses(place);
    await expectInOrder(place, repository);
    expect(await recorded(repository)).toEqual(["sum push succeeded", "sum push succeeded"]);
    const mirror = join(place.directory, "data", "repositories", String(repository.id), "mirror.git");
    await place.until(
      "no order is kept",
      async () => (await gitIn(mirror, "for-each-ref", "refs/sluice/orders")) === "",
    );
  },
);

test(
  "a ledger that is pushed back, or deleted, is given back what it lost, and people are told",
  { timeout: 240_000 },
  async () => {
    const place = await town();
    const { forge } = place.twin;
    const repository = await digits(forge);
    await place.until("first contact", async () => (await recorded(repository)).length === 1);
    await forge.commit(repository, { ...PLUS_TWO, branch: "main" });
    await place.until("another run is recorded", async () => (await recorded(repository)).length === 2);
    await expectInOrder(place, repository);
    const was = await gitIn(repository.directory, "rev-parse", "sluice/ledger");
    const ledger = "refs/heads/sluice/ledger";
    for (const args of [
      ["update-ref", ledger, `${ledger}~1`],
      ["update-ref", "-d", ledger],
    ]) {
      await byHand(place, repository, ...args);
      await place.until(
        "it is as it was",
        async () => (await gitIn(repository.directory, "rev-parse", "sluice/ledger").catch(() => "")) === was,
      );
    }
    await place.until("people are told", () => repository.issues.size > 0);
    const [issue, ...more] = repository.issues.values();
    expect(more).toEqual([]);
    expect(issue?.title).toContain("sluice/ledger");
    expect(issue?.body).toContain(was.slice(0, 7));
    await expectInOrder(place, repository);
  },
);

test(
  "runs that were recorded on a ledger pushed back stand beside those that it lost",
  { timeout: 240_000 },
  async () => {
    const place = await town();
    const { forge } = place.twin;
    const repository = await digits(forge, SLOW);
    await place.until("first contact", async () => (await recorded(repository)).length === 1);
    await forge.commit(repository, { ...PLUS_TWO, branch: "main" });
    await place.until("another run is under way", async () => (await accepted(repository)) !== "");
    // Whoever takes a run away and records another one leaves no line from the old head to the new one.
    const tree = (await gitIn(repository.directory, "hash-object", "-t", "tree", "-w", "/dev/null")).trim();
    const root = (await gitIn(repository.directory, "commit-tree", "-m", "by hand", tree)).trim();
    await byHand(place, repository, "update-ref", "refs/heads/sluice/ledger", root);
    await place.until("both are recorded", async () => (await recorded(repository)).length === 2);
    await expectInOrder(place, repository);
    await place.until("people are told, once", () => repository.issues.size === 1);
    expect(await recorded(repository)).toEqual(["sum push succeeded", "sum push succeeded"]);
  },
);

test(
  "the history of another repository is kept and shown, and stands for nothing here",
  { timeout: 240_000 },
  async () => {
    const place = await town();
    const { forge } = place.twin;
    const first = await digits(forge);
    await place.until("first contact", async () => (await recorded(first)).length === 1);
    forge.deliveries.drop = true;
    const copy = await forge.repository({ owner: "acme", name: "copy", roles: { alice: "write" } });
    await gitIn(copy.directory, "fetch", "--quiet", first.directory, "refs/heads/*:refs/heads/*");
    forge.deliveries.drop = false;
    await minutePasses(place);
    await place.until("its own run is recorded", async () => (await recorded(copy)).length === 2);
    expect(await recorded(copy)).toEqual(["sum push succeeded", "sum push succeeded"]);
    await expectInOrder(place, copy);
    const tip = (await gitIn(copy.directory, "rev-parse", "main")).trim();
    expect(copy.checks.filter(({ head }) => head === tip).map(({ output }) => output.title)).toEqual([
      "sum: succeeded",
    ]);
  },
);
