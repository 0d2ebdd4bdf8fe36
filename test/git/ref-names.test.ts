import { expect, test } from "vitest";

import { checkPattern, excludes, inTheWay, matches, standingWords } from "../../src/git/ref-names.ts";

test("what a remote lists beside what was asked for is none of it", () => {
  expect(matches("refs/heads/main", "refs/heads/main")).toBe(true);
  expect(matches("refs/heads/main", "refs/x/refs/heads/main")).toBe(false);
  expect(matches("refs/heads/*", "refs/heads/a/b")).toBe(true);
  expect(matches("refs/heads/v*", "refs/heads/v1/x")).toBe(true);
  expect(matches("refs/heads/v*", "refs/heads/w")).toBe(false);
});

test("a pattern is a name or how names begin, and nothing that git and we would take for different refs", () => {
  for (const pattern of ["refs/heads/main", "refs/heads/*", "refs/heads/v*"]) checkPattern(pattern);
  for (const pattern of ["refs/heads/**", "refs/pull/*/head", "refs/heads/?", "refs/heads/[a]*"])
    expect(() => checkPattern(pattern)).toThrow("is no name and no prefix");
});

test("a ref excludes only what stands above or below it", () => {
  expect(excludes("refs/heads/a", "refs/heads/a/b")).toBe(true);
  expect(excludes("refs/heads/a/b", "refs/heads/a")).toBe(true);
  expect(excludes("refs/heads/a", "refs/heads/ab")).toBe(false);
  expect(excludes("refs/heads/a", "refs/heads/a")).toBe(false);
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
