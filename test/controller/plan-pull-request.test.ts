import { expect, test } from "vitest";

import { planPullRequest, type PullRequestPorts } from "../../src/controller/plan-pull-request.ts";
import type { PlannedCommit } from "../../src/controller/project.ts";
import type { Answer, PullRequest } from "../../src/forge/forge.ts";
import { PAGE } from "./promotion-page.ts";

const NOTHING = { project: { problems: [], broken: [] }, planned: [] } as unknown as PlannedCommit;

/** A repository in which a pull request changes no pipeline, of which the forge says one thing after the other. */
function unaffected(...answers: readonly Answer<PullRequest>[]): PullRequestPorts {
  const left = [...answers];
  const heads = [`refs/pull/${PAGE.number}/head`, "refs/heads/main"];
  const ports = {
    forge: {
      repository: { id: 42, installation: 1, fullName: "acme/digits" },
      about: async () => ({ kind: "ok", value: { defaultBranch: "main" } }),
      pullRequest: async () => left.shift(),
    },
    mirror: {
      refresh: async () => ({ kind: "ok", refs: new Map(heads.map((ref) => [ref, PAGE.head.sha])) }),
      mergeBase: async () => PAGE.head.sha,
      changed: async () => [],
    },
    planAt: async () => NOTHING,
    rulesAt: async () => ({ problems: [] }),
  };
  return ports as unknown as PullRequestPorts;
}

const OPEN: Answer<PullRequest> = { kind: "ok", value: { ...PAGE, state: "open" } };
const MERGED: Answer<PullRequest> = { kind: "ok", value: { ...PAGE, state: "closed", merged: true } };

test.each([
  ["is still open is planned", [OPEN, OPEN], "planned"],
  ["was merged in between is over: its change is in the base by now", [OPEN, MERGED], "over"],
  ["cannot be asked about again is looked at later", [OPEN, { kind: "unreachable", why: "502" } as const], "again"],
])("a pull request in which nothing is affected and that %s", async (_, answers, kind) => {
  expect((await planPullRequest(unaffected(...answers), PAGE.number)).kind).toBe(kind);
});
