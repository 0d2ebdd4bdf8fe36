import { expect, test } from "vitest";

import type { Desired } from "../../src/forge/desired.ts";
import type { At } from "../../src/main/serve/at.ts";
import type { ForgeRepository } from "../../src/main/serve/forge-repository.ts";
import { notedMirror, type RefusedPushes } from "../../src/main/serve/noted-mirror.ts";
import { tellRefusedPushes } from "../../src/main/serve/refused-pushes.ts";
import { commitOf } from "../contract/git.ts";
import { remotePlace } from "../controller/acceptances.ts";
import { memoryTable } from "../controller/memory-table.ts";

test("a branch that leaves no place for the ledger is told once it lasts, until the ledger is taken", async () => {
  const place = await remotePlace();
  const { mirror: native, ledger } = await place.controller("ours");
  const refused: RefusedPushes = new Map();
  let now = 0;
  const mirror = notedMirror(native, refused, { ledger, now: () => now });
  const table = memoryTable();
  const at = { queue: { table, jobs: { add: async () => undefined } } } as unknown as At;
  const repository = { forge: { repository: { id: 7, installation: 1 } }, refused } as unknown as ForgeRepository;
  const told: Desired[] = [];
  const tell = async () => {
    await tellRefusedPushes(at, repository, async (states) => void told.push(...states));
    return (await table.entries("outbox/1")).map(({ value }) => (value as { desired: object }).desired);
  };

  const scratch = await mirror.append("refs/sluice/mine", null, [commitOf({ a: "1" })]);
  if (scratch.kind !== "appended") throw new Error("it was not appended");
  await mirror.publish([{ ref: "refs/heads/sluice", from: null, to: scratch.head }]);
  // A look at all branches does not bring what would stand in the way here too.
  await mirror.refresh(["refs/heads/*"]);
  const write = async () => {
    const appended = await mirror.append(ledger, null, [commitOf({ b: "1" })]);
    if (appended.kind !== "appended") throw new Error("it was not appended");
    return mirror.publish([{ ref: ledger, from: null, to: appended.head }]);
  };
  const why = "the branch sluice stands in the way of sluice/ledger: rename it";
  expect(await write()).toEqual({ kind: "refused", why });
  expect(await tell()).toEqual([]);
  now = 30_000;
  await write();
  expect(await tell()).toMatchObject([{ kind: "issue", open: true, body: expect.stringContaining(why) }]);

  place.remote.git("update-ref", "-d", "refs/heads/sluice");
  expect(await write()).toEqual({ kind: "published" });
  expect(await tell()).toMatchObject([{ kind: "issue", open: false }]);
  expect(await table.entries("refused-pushes/7")).toEqual([]);
  expect(told.map((state) => state.kind === "issue" && state.open)).toEqual([true, false]);
});
