import { expect, test } from "vitest";

import { acceptRun } from "../../src/controller/accept-run.ts";
import type { Desired } from "../../src/forge/desired.ts";
import type { At } from "../../src/main/serve/at.ts";
import type { ForgeRepository } from "../../src/main/serve/forge-repository.ts";
import { notedMirror, type RefusedPushes } from "../../src/main/serve/noted-mirror.ts";
import { tellRefusedPushes } from "../../src/main/serve/refused-pushes.ts";
import { commitOf } from "../contract/git.ts";
import { acceptedRef, type RunOrder } from "../../src/run/request.ts";
import { ordered, remotePlace } from "../controller/acceptances.ts";
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
    await tellRefusedPushes(at, repository, { tell: async (states) => void told.push(...states), now });
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

/** Looks of one controller, a minute apart, at a remote where a ref below one run's place keeps that run from being accepted. */
async function blockedRun() {
  const place = await remotePlace();
  const { mirror: native, ledger, signer, keys } = await place.controller("ours");
  const refused: RefusedPushes = new Map();
  const clock = { now: 0 };
  const mirror = notedMirror(native, refused, { ledger, now: () => clock.now });
  const table = memoryTable();
  const at = { queue: { table, jobs: { add: async () => undefined } } } as unknown as At;
  const repository = { forge: { repository: { id: 7, installation: 1 } }, refused } as unknown as ForgeRepository;
  const told: Desired[] = [];
  const blocked = ordered();
  const scratch = await mirror.append("refs/sluice/mine", null, [commitOf({ a: "1" })]);
  if (scratch.kind !== "appended") throw new Error("it was not appended");
  const inTheWay = `${acceptedRef(blocked.id)}/x`;
  await native.publish([{ ref: inTheWay, from: null, to: scratch.head }]);
  return {
    blocked,
    refused,
    table,
    told,
    inTheWay,
    remote: place.remote,
    look: async (orders: readonly RunOrder[], { looked = true, after = 60_000 } = {}) => {
      clock.now += after;
      const kinds: string[] = [];
      for (const order of orders) kinds.push((await acceptRun({ mirror, ledger, signer, keys }, order)).kind);
      const tell = async (states: readonly Desired[]) => void told.push(...states);
      await tellRefusedPushes(at, repository, { tell, looked, now: clock.now });
      return kinds;
    },
    opened: () => told.map((state) => state.kind === "issue" && state.open),
  };
}

test("one run whose place is taken is told of once, whatever else is accepted meanwhile, until it is accepted", async () => {
  const { blocked, look, opened, told, inTheWay, remote, table } = await blockedRun();
  for (let n = 0; n < 5; n++)
    expect(await look([blocked, ordered({ request: `push:b${n}` })])).toEqual(["refused", "accepted"]);
  expect(opened()).toEqual([true]);
  expect(told).toMatchObject([{ body: expect.stringContaining("that run does not begin") }]);
  remote.git("update-ref", "-d", inTheWay);
  expect(await look([blocked])).toEqual(["accepted"]);
  expect(opened()).toEqual([true, false]);
  expect(await table.entries("refused-pushes/7")).toEqual([]);
});

test("what nobody asks for any more is told of no longer, where somebody could look", async () => {
  const { blocked, look, opened, refused, table } = await blockedRun();
  await look([blocked]);
  await look([blocked]);
  await look([], { after: 3_600_000, looked: false });
  expect(opened()).toEqual([true]);
  await look([]);
  expect(opened()).toEqual([true, false]);
  expect(refused.size).toBe(0);
  expect(await table.entries("refused-pushes/7")).toEqual([]);
});

test("runs that are each asked for once are refused as one that is asked for again and again is, fifty at most", async () => {
  const refused: RefusedPushes = new Map();
  let [now, kind] = [0, "refused"];
  const publish = async () => (kind === "refused" ? { kind, why: "a rule forbids it" } : { kind });
  const mirror = notedMirror({ publish } as never, refused, { ledger: "refs/heads/sluice/ledger", now: () => now });
  const accept = (n: number) =>
    mirror.publish([{ ref: acceptedRef(ordered({ request: `push:b${n}` }).id), from: null, to: ordered().source }]);
  const table = memoryTable();
  const at = { queue: { table, jobs: { add: async () => undefined } } } as unknown as At;
  const repository = { forge: { repository: { id: 7, installation: 1 } }, refused } as unknown as ForgeRepository;
  const told: Desired[] = [];
  for (let n = 0; n < 60; n++) {
    now += 1_000;
    await accept(n);
    if (n === 0 || n === 59)
      await tellRefusedPushes(at, repository, { tell: async (all) => void told.push(...all), now });
  }
  expect(told).toMatchObject([{ open: true, body: expect.stringContaining("and 30 more") }]);
  kind = "published";
  for (let n = 0; n < 60; n++) await accept(n);
  expect(refused.size).toBe(50);
  await tellRefusedPushes(at, repository, { tell: async (all) => void told.push(...all), now });
  expect(told).toMatchObject([{ open: true }, { open: false }]);
});
