import { expect, test } from "vitest";

import { mergeGroupsOf } from "../../src/run/merge-group.ts";
import { sha } from "../manifest/run-records.ts";

const [HEAD, BASE] = [sha("a"), sha("b")];
const groups = (ref: string): unknown => mergeGroupsOf(new Map([[ref, HEAD]]));

test("a branch of a merge queue names the commit that it was made onto", () => {
  expect(groups(`refs/heads/gh-readonly-queue/main/pr-7-${BASE}`)).toEqual([{ head: HEAD, base: BASE }]);
  expect(groups(`refs/heads/gh-readonly-queue/release/1/pr-7-${BASE}`)).toEqual([{ head: HEAD, base: BASE }]);
});

test.each([
  `refs/heads/main`,
  `refs/heads/gh-readonly-queue/main/pr-7`,
  `refs/heads/gh-readonly-queue/main/pr-7-${BASE}0`,
  `refs/heads/gh-readonly-queue/main/pr-7-${BASE.slice(1)}`,
  `refs/heads/x/refs/heads/gh-readonly-queue/main/pr-7-${BASE}`,
  `refs/heads/gh-readonly-queue/-${BASE}`,
  `refs/heads/other/main/pr-7-${BASE}`,
])("%s is none", (ref) => {
  expect(groups(ref)).toEqual([]);
});
