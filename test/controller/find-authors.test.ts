import { expect, test } from "vitest";

import { findAuthors, type KnownAuthors } from "../../src/controller/find-authors.ts";
import type { Answer, PullRequest } from "../../src/forge/forge.ts";
import type { CommitSha } from "../../src/identity/identity.ts";
import type { Person } from "../../src/identity/repository.ts";
import { sha } from "../manifest/run-records.ts";
import { PAGE } from "./promotion-page.ts";

const [ALICE, DAVE, EVE] = [
  { id: 7, login: "alice", bot: false },
  { id: 8, login: "dave", bot: false },
  { id: 9, login: "eve", bot: false },
] as const;

test("nobody is taken for no author while the forge does not say who the authors are", async () => {
  let pulls: Answer<readonly PullRequest[]> = { kind: "ok", value: [{ ...PAGE, merged: true, author: ALICE }] };
  let pushers: Answer<readonly Person[]> = { kind: "ok", value: [ALICE, DAVE] };
  let straight: Answer<readonly Person[]> = { kind: "ok", value: [DAVE] };
  const found = async () => {
    const forge = {
      pullRequestsOf: async () => pulls,
      commitAuthors: async () => pushers,
      authorsOf: async () => straight,
    };
    const answer = await findAuthors(forge, [sha("a"), sha("b")], { known: new Map(), now: 0, anew: false });
    return answer.kind === "ok" ? answer.value.map(({ login }) => login) : answer.kind;
  };
  expect(await found()).toEqual(["alice", "dave"]);
  for (const away of [
    { kind: "unreachable", why: "502" },
    { kind: "wait", until: 0, why: "limit" },
    { kind: "refused", status: 403, why: "no" },
  ] as const) {
    pushers = away;
    expect(await found()).toBe(away.kind);
    [pulls, pushers] = [away, { kind: "ok", value: [] }];
    expect(await found()).toBe(away.kind);
    pulls = { kind: "ok", value: [{ ...PAGE, merged: true }] };
  }
  // Pushed straight to the branch, or the head of what somebody would bring there.
  for (pulls of [{ kind: "not-found" }, { kind: "ok", value: [PAGE] }] as const)
    expect(await found()).toEqual(["dave"]);
  straight = { kind: "unreachable", why: "502" };
  expect(await found()).toBe("unreachable");
});

/** Commits that a forge is asked about: `a` came by pull requests, `b` was pushed straight to the branch. */
function asking() {
  const known: KnownAuthors = new Map();
  const said = {
    asked: [] as string[],
    away: false,
    pushers: { kind: "not-found" } as Answer<readonly Person[]>,
    brought: [{ ...PAGE, merged: true, author: ALICE }] as readonly PullRequest[],
  };
  const forge = {
    pullRequestsOf: async (commit: CommitSha): Promise<Answer<readonly PullRequest[]>> => {
      said.asked.push(commit.slice(0, 1));
      if (said.away) return { kind: "unreachable", why: "502" };
      return { kind: "ok", value: commit === sha("a") ? said.brought : [] };
    },
    commitAuthors: async () => said.pushers,
    authorsOf: async (): Promise<Answer<readonly Person[]>> => ({ kind: "ok", value: [DAVE] }),
  };
  const find = (minutes: number, anew = false) =>
    findAuthors(forge, [sha("a"), sha("b")], { known, now: minutes * 60_000, anew });
  /** Another pull request that brought it, merged before, and shown late. */
  const late = () => {
    said.brought = [...said.brought, { ...PAGE, number: PAGE.number + 1, merged: true, author: EVE }];
  };
  return { said, find, late };
}

const BOTH = { kind: "ok", value: [ALICE, DAVE] };
const ALL = { kind: "ok", value: [ALICE, EVE, DAVE] };

test("who brought a commit is asked for until two answers a quarter of an hour apart agree", async () => {
  const { said, find, late } = asking();
  expect(await find(0)).toEqual(BOTH);
  // An answer that is new is asked for again after a minute, one that came twice after a quarter of an hour.
  for (const minutes of [0.9, 1, 15]) expect(await find(minutes)).toEqual(BOTH);
  expect(said.asked.join("")).toBe("abab");
  // Its pushers were not told: nobody is taken for none of them for ever.
  expect(await find(16)).toEqual(BOTH);
  said.pushers = { kind: "ok", value: [] };
  late();
  for (const minutes of [31, 32, 46]) expect(await find(minutes)).toEqual(ALL);
  expect(said.asked.join("")).toBe("ababababab");
  expect(await find(47)).toEqual(ALL);
  said.asked = [];
  // The first is settled; what was pushed straight to the branch may yet have come by a pull request.
  expect(await find(90)).toEqual(ALL);
  expect(said.asked.join("")).toBe("b");
  said.away = true;
  expect(await find(91)).toEqual(ALL);
  expect(await find(120)).toMatchObject({ kind: "unreachable" });
});

test("before something is done by it the forge is asked anew, until answers have agreed", async () => {
  const { said, find, late } = asking();
  said.pushers = { kind: "ok", value: [] };
  expect(await find(0)).toEqual(BOTH);
  late();
  expect(await find(0.5)).toEqual(BOTH);
  expect(await find(0.5, true)).toEqual(ALL);
  expect(await find(0.6)).toEqual(ALL);
  // Asked twice at once is not asked twice.
  expect(await find(0.6, true)).toEqual(ALL);
  expect(await find(1.7)).toEqual(ALL);
  said.asked = [];
  for (const minutes of [16, 17, 40]) expect(await find(minutes, true)).toEqual(ALL);
  expect(said.asked.join("")).toBe("abb");
});

test("a merge that is tried every ten seconds for a day asks each time longer apart", async () => {
  const { said, find } = asking();
  said.pushers = { kind: "ok", value: [] };
  await find(0);
  said.asked = [];
  for (let at = 1 / 60; at < 24 * 60; at += 1 / 6) await find(at, true);
  // `a` settles after a quarter of an hour; `b`, pushed straight to the branch, is asked for four times an hour at most.
  const [a, b] = ["a", "b"].map((commit) => said.asked.filter((asked) => asked === commit).length);
  expect(a).toBeLessThan(20);
  expect(b).toBeLessThan(20 + 24 * 4);
  expect(b).toBeGreaterThan(24 * 3);
});

test("one answer alone never counts for a merge, and one that changed begins anew", async () => {
  const { said, find, late } = asking();
  await find(0);
  await find(1 / 60, true);
  expect(said.asked.join("")).toBe("abab");
  await find(1.5 / 60, true);
  expect(said.asked.join("")).toBe("abab");
  late();
  expect(await find(5 / 60, true)).toEqual(ALL);
  said.asked = [];
  await find(5.5 / 60, true);
  expect(said.asked.join("")).toContain("a");
});
