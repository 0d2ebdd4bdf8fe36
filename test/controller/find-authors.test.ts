import { expect, test } from "vitest";

import { findAuthors } from "../../src/controller/find-authors.ts";
import type { Answer, PullRequest } from "../../src/forge/forge.ts";
import type { Person } from "../../src/identity/repository.ts";
import { sha } from "../manifest/run-records.ts";
import { PAGE } from "./promotion-page.ts";

const [ALICE, DAVE] = [
  { id: 7, login: "alice", bot: false },
  { id: 8, login: "dave", bot: false },
] as const;

test("nobody is taken for no author while the forge does not say who the authors are", async () => {
  let pulls: Answer<readonly PullRequest[]> = { kind: "ok", value: [{ ...PAGE, author: ALICE }] };
  let pushers: Answer<readonly Person[]> = { kind: "ok", value: [ALICE, DAVE] };
  const found = async () => {
    const forge = { pullRequestsOf: async () => pulls, commitAuthors: async () => pushers };
    const answer = await findAuthors(forge, [sha("a"), sha("b")]);
    return answer.kind === "ok" ? answer.value.map(({ login }) => login) : answer.kind;
  };
  expect(await found()).toEqual(["alice", "alice", "dave"]);
  for (const away of [
    { kind: "unreachable", why: "502" },
    { kind: "wait", until: 0, why: "limit" },
    { kind: "refused", status: 403, why: "no" },
  ] as const) {
    pushers = away;
    expect(await found()).toBe(away.kind);
    [pulls, pushers] = [away, { kind: "ok", value: [] }];
    expect(await found()).toBe(away.kind);
    pulls = { kind: "ok", value: [PAGE] };
  }
  // A commit that the forge knows of no pull request for.
  pulls = { kind: "not-found" };
  expect(await found()).toEqual([]);
});
