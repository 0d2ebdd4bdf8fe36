import { renameSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { digestOf, hexOf } from "../../src/identity/identity.ts";
import { asked, events, PIN, stage, type Stage } from "./stage.ts";
import { gitIn, minutePasses } from "./town.ts";

const LEDGER = "refs/heads/sluice/ledger";

/** Titles of open issues, sorted. */
function open({ repository }: Stage): readonly string[] {
  return [...repository.issues.values()]
    .filter(({ state }) => state === "open")
    .map(({ title }) => title)
    .toSorted();
}

/** Somebody with every right commits to the ledger by hand: the files given, on what is there; null takes one away. */
async function byHand({ forge, repository }: Stage, files: Readonly<Record<string, string | null>>): Promise<void> {
  await forge.deliveries.idle();
  await forge.commit(repository, { branch: "sluice/ledger", files, message: "By hand", login: "max" });
}

/** Wakes the service until a fact holds: nothing tells it of bytes that are lost. */
async function looked(place: Stage, fact: () => boolean): Promise<boolean> {
  await minutePasses(place);
  return fact();
}

async function released(place: Stage, plus: number): Promise<void> {
  const before = (await events(place, "released")).length;
  const page = await asked(place, await place.merge(plus));
  place.label(page, "approve:staging", "bob");
  await place.until("it is released", async () => (await events(place, "released")).length > before);
}

test("what differs from what was recorded is told in one issue each, which closes when it is mended", async () => {
  const place = await stage();
  const { forge, repository, until } = place;
  await released(place, 2);
  await minutePasses(place);
  await forge.deliveries.idle();
  expect(open(place)).toEqual([]);

  // A release that nobody signed, and a record that somebody takes away.
  const forged = `releases/staging/sum/${"0".repeat(32)}.json`;
  const paths = await gitIn(repository.directory, "ls-tree", "-r", "--name-only", LEDGER, "releases");
  // What is asked for by a label is recorded again when its record is none any more; an approval of what has been released is not.
  let mine = "";
  for (const path of paths.split("\n").filter((one) => one.endsWith(".sig.json"))) {
    const payload = await gitIn(repository.directory, "show", `${LEDGER}:${path.replace(".sig", "")}`);
    if (/"kind":\s*"approved"/.test(payload)) mine = path;
  }
  expect(mine).not.toBe("");
  const signature = await gitIn(repository.directory, "show", `${LEDGER}:${mine}`);
  await byHand(place, { [forged]: "{}", [mine]: null, "$(reboot).txt": "x" });
  const strays = "The branch sluice/ledger holds what Sluice did not write";
  await until("the ledger is told", () => open(place).includes(strays));
  const body = (): string => [...repository.issues.values()].find(({ title }) => title === strays)?.body ?? "";
  expect(body()).toContain(`\`${forged}\`: it is no event of a format known here`);
  expect(body()).toContain(`\`${mine.replace(".sig", "")}\`: it is not signed`);
  expect(body()).toContain("Sluice writes no such file");
  await byHand(place, { [forged]: null, [mine]: signature });
  await until("what is mended is told no more", () => !body().includes(forged) && body().includes("no such file"));
  expect(open(place)).toEqual([strays]);
  await byHand(place, { "$(reboot).txt": null });
  await until("the ledger is mended", () => open(place).length === 0);

  // Bytes of what is live are lost.
  const hex = hexOf(digestOf("43\n"));
  const object = join(place.directory, "data", "store", "objects", hex.slice(0, 2), hex.slice(2));
  renameSync(object, `${object}.away`);
  await until("the loss is told", () => looked(place, () => open(place).length === 1));
  expect(open(place)).toEqual(["sum is live in staging without 1 artifact"]);
  renameSync(`${object}.away`, object);
  await until("they are back", () => looked(place, () => open(place).length === 0));

  // A pin that somebody edits, and one of what was never released.
  const pin = await gitIn(repository.directory, "show", `main:${PIN}`);
  const strange = "environments/staging/other.yaml";
  const edited = { [PIN]: pin.replace(/^run: .*$/m, 'run: "7777777777777777"'), [strange]: pin };
  await forge.commit(repository, { branch: "main", files: edited, message: "By hand", login: "max" });
  await until("both are told", () => open(place).length === 2);
  expect(open(place)).toEqual([
    "Files under environments/ pin what was never released",
    `${PIN} is not what was released`,
  ]);
  const back = { [PIN]: pin, [strange]: null };
  await forge.commit(repository, { branch: "main", files: back, message: "Back", login: "max" });
  await until("both are mended", () => open(place).length === 0);
  expect(repository.issues.size).toBe(4);
}, 480_000);

test("a revert that somebody merges who may roll back is a rollback; anybody else's is drift", async () => {
  const place = await stage();
  const { forge, repository, until, label, check } = place;
  await released(place, 2);
  const pin = (): Promise<string> => gitIn(repository.directory, "show", `main:${PIN}`);
  const first = await pin();
  await released(place, 3);
  const second = await pin();
  const page = await asked(place, await place.merge(4));

  const revert = async (branch: string, login: string): Promise<void> => {
    await forge.commit(repository, { branch, files: { [PIN]: first }, message: `Revert "${branch}"`, login });
    const pull = await forge.openPull(repository, { branch, title: `Revert ${branch}`, login });
    await forge.merge(repository, pull, { login });
  };
  await revert("revert-1", "bob");
  await until("bob is told", () => open(place).length === 1);
  const [issue] = [...repository.issues.values()].filter(({ state }) => state === "open");
  expect(issue?.body).toMatch(/pull request \d+ brings an earlier release back, and bob may not roll back/);
  expect(await events(place, "rolled-back")).toEqual([]);
  await forge.commit(repository, { branch: "main", files: { [PIN]: second }, message: "Back", login: "max" });
  await until("it is mended", () => open(place).length === 0);
  await revert("revert-2", "max");
  await until("it is rolled back", async () => (await events(place, "rolled-back")).length === 1);
  expect(await events(place, "rolled-back")).toEqual([
    expect.stringMatching(/^staging\/sum: rolled-back by max · by the revert in #\d+$/),
  ]);
  await until("what was asked for is closed", () => page.state === "closed");
  await until("with the reason", () => check(page).includes("max rolled staging back by the revert in"));
  label(page, "approve:staging", "bob");
  await minutePasses(place);
  await forge.deliveries.idle();
  // Nothing moves the pin again, and automation does not cross the hold.
  expect(await pin()).toBe(first);
  expect(await events(place, "rolled-back")).toHaveLength(1);
  expect(await events(place, "released")).toHaveLength(2);
  expect(open(place)).toEqual([]);
}, 480_000);
