import { expect, test } from "vitest";

import { chooseBaseline, type Candidate } from "../../src/diff/baseline.ts";
import type { CommitSha, RunId } from "../../src/identity/identity.ts";

const commit = (letter: string): CommitSha => letter.repeat(40) as CommitSha;
const run = (id: string, more: Partial<Candidate>): Candidate => ({
  id: id as RunId,
  pipeline: "sum",
  source: commit("a"),
  status: "succeeded",
  trigger: "push",
  request: "push:main",
  pullRequest: null,
  ...more,
});

test("the nearest ancestor's newest success is the baseline, also when that was a second try", () => {
  const line = [commit("b"), commit("a")];
  const failed = run("two", { source: commit("b"), status: "failed" });
  const again = run("three", { source: commit("b"), trigger: "retry", request: "retry:two:1", pullRequest: 7 });
  expect(chooseBaseline([failed, run("one", {})], line)).toBe("one");
  expect(chooseBaseline([again, failed, run("one", {})], line)).toBe("three");
  expect(chooseBaseline([run("one", {})], [commit("b")])).toBeUndefined();
});

test("what a pull request or a fork ran is no baseline, although its commit is on the branch by now", () => {
  const line = [commit("b"), commit("a")];
  const asked = { source: commit("b"), pullRequest: 7 } as const;
  const first = run("two", { ...asked, status: "failed", trigger: "command", request: "comment:1" });
  const again = run("three", { ...asked, trigger: "retry", request: "retry:two:1" });
  expect(chooseBaseline([again, first, run("one", {})], line)).toBe("one");
});

test("of two successes of one commit the newer is the baseline, a nearer commit comes before both", () => {
  const line = [commit("c"), commit("b"), commit("a")];
  expect(chooseBaseline([run("new", {}), run("old", {})], line)).toBe("new");
  expect(
    chooseBaseline([run("far", {}), run("near", { source: commit("c") }), run("mid", { source: commit("b") })], line),
  ).toBe("near");
  expect(chooseBaseline([run("near", { source: commit("c") }), run("far", {})], line)).toBe("near");
  expect(chooseBaseline([], line)).toBeUndefined();
});
