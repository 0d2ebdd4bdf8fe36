import { expect, test } from "vitest";

import { domainOf } from "../../src/controller/plan-pull-request.ts";
import { parseCommitSha } from "../../src/identity/identity.ts";

const sha = parseCommitSha("a".repeat(40));
if (sha === undefined) throw new Error("forty letters are a commit id");
const person = { id: 1, login: "zed", bot: false };
const pull = {
  number: 12,
  title: "Change",
  body: "",
  state: "open",
  draft: false,
  merged: false,
  mergeCommit: null,
  mergedAt: null,
  mergedBy: null,
  author: person,
  base: { sha, branch: "main" },
  labels: [],
} as const;

test.each([
  ["this repository's own branch", 7, "pr"],
  ["a branch of another repository", 8, "fork/12"],
  // GitHub shows no repository where it was deleted, or is not shown to the App.
  ["a branch whose repository is gone", null, "fork/12"],
])("the head is %s", (_, repository, domain) => {
  const ref = { id: 7, installation: 1, fullName: "acme/digits" };
  expect(domainOf({ ...pull, head: { sha, branch: "main", repository } }, { repository: ref })).toBe(domain);
});
