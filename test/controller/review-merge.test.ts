import { expect, test } from "vitest";

import { reviewMerge, type ReviewPorts } from "../../src/controller/review-merge.ts";
import { sha } from "../manifest/run-records.ts";
import { PAGE } from "./promotion-page.ts";

const COMMIT = sha("c");

test("a merge that cannot be compared now has not diverged: it is looked at again", async () => {
  const merged = { ...PAGE, state: "closed", merged: true, mergeCommit: COMMIT };
  const ports = {
    forge: {
      pullRequestsOf: async () => ({ kind: "ok", value: [merged] }),
      findCheck: async () => ({ kind: "ok", value: { externalId: "sha256:reviewed" } }),
    },
    mirror: { firstParents: async () => [COMMIT, sha("b")], resolve: async () => sha("b") },
    planMerge: async () => ({ kind: "again", afterMs: 5_000, why: "503" }),
  } as unknown as ReviewPorts;
  expect(await reviewMerge(ports, COMMIT)).toEqual({ kind: "unreachable", why: "503" });
});

test("a check that several pull requests share names the digests of all, and each of them was reviewed", async () => {
  const merged = { ...PAGE, state: "closed", merged: true, mergeCommit: COMMIT };
  const ports = {
    forge: {
      pullRequestsOf: async () => ({ kind: "ok", value: [merged] }),
      findCheck: async () => ({ kind: "ok", value: { externalId: "sha256:other,sha256:reviewed" } }),
    },
    mirror: { firstParents: async () => [COMMIT, sha("b")], resolve: async () => sha("b") },
    planMerge: async () => ({ kind: "planned", plan: { digest: "sha256:reviewed" } }),
  } as unknown as ReviewPorts;
  expect(await reviewMerge(ports, COMMIT)).toMatchObject({ kind: "ok", value: { review: { kind: "same" } } });
});
