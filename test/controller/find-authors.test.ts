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
    const answer = await findAuthors(forge, [sha("a"), sha("b")], { known: new Map(), now: 0 });
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

test("who brought a commit is asked for until two answers a quarter of an hour apart agree", async () => {
  const asked: string[] = [];
  let away = false;
  let pushers: Answer<readonly Person[]> = { kind: "not-found" };
  let brought: readonly PullRequest[] = [{ ...PAGE, merged: true, author: ALICE }];
  const forge = {
    pullRequestsOf: async (commit: CommitSha): Promise<Answer<readonly PullRequest[]>> => {
      asked.push(commit.slice(0, 1));
      if (away) return { kind: "unreachable", why: "502" };
      return { kind: "ok", value: commit === sha("a") ? brought : [] };
    },
    commitAuthors: async () => pushers,
    authorsOf: async (): Promise<Answer<readonly Person[]>> => ({ kind: "ok", value: [DAVE] }),
  };
  const known: KnownAuthors = new Map();
  const find = (minutes: number) => findAuthors(forge, [sha("a"), sha("b")], { known, now: minutes * 60_000 });
  const both = { kind: "ok", value: [ALICE, DAVE] };
  expect(await find(0)).toEqual(both);
  expect(await find(14)).toEqual(both);
  expect(asked).toEqual(["a", "b"]);
  // Its pushers were not told: nobody is taken for none of them for ever.
  expect(await find(16)).toEqual(both);
  pushers = { kind: "ok", value: [] };
  // Another pull request that brought it came late, and one answer that tells all of them is not enough.
  brought = [...brought, { ...PAGE, number: PAGE.number + 1, merged: true, author: EVE }];
  const all = { kind: "ok", value: [ALICE, EVE, DAVE] };
  for (const minutes of [32, 46, 48, 64]) expect(await find(minutes)).toEqual(all);
  expect(asked.join("")).toBe("ababababb");
  away = true;
  expect(await find(65)).toEqual(all);
  expect(await find(90)).toMatchObject({ kind: "unreachable" });
});
