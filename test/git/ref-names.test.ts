import { expect, test } from "vitest";

import { inTheWay, matches, standingWords } from "../../src/git/ref-names.ts";

test("what a remote lists beside what was asked for is none of it", () => {
  expect(matches("refs/heads/main", "refs/heads/main")).toBe(true);
  expect(matches("refs/heads/main", "refs/x/refs/heads/main")).toBe(false);
  expect(matches("refs/heads/*", "refs/heads/a/b")).toBe(true);
  expect(matches("refs/pull/*/head", "refs/pull/1/head")).toBe(true);
  expect(matches("refs/pull/*/head", "refs/pull/head")).toBe(false);
});

test("only a ref above or below another stands in its way", () => {
  const refs = ["refs/heads/a", "refs/heads/a/b/c", "refs/heads/a/bc", "refs/heads/a/b"];
  expect(inTheWay(refs, ["refs/heads/a/b"])).toEqual(["refs/heads/a", "refs/heads/a/b/c"]);
});

test("people read which ref it is, and what to do with it", () => {
  const made = ["refs/sluice/runs/1", "refs/heads/sluice/ledger"];
  expect(standingWords("refs/heads/sluice", made)).toBe(
    "the branch sluice stands in the way of sluice/ledger: rename it",
  );
  expect(standingWords("refs/sluice/runs/1/x", made)).toBe(
    "the ref refs/sluice/runs/1/x stands in the way of refs/sluice/runs/1: take it away",
  );
});
