import { expect, test } from "vitest";

import { askedAt, type Looking } from "../../src/controller/reconcile/looking.ts";
import { lookAtOtherBranches } from "../../src/controller/reconcile/pushes.ts";
import type { PlannedCommit } from "../../src/controller/project.ts";
import { checkPattern, matches } from "../../src/git/ref-names.ts";
import { listensTo, refsListenedTo } from "../../src/run/due.ts";
import type { Triggers } from "../../src/pipeline/pipeline.ts";
import { sha } from "../manifest/run-records.ts";

/** What is asked of the remote for pipelines with these branches, and the tips that are planned of what it has. */
async function looked(branches: readonly Triggers["push"][], there: readonly string[]) {
  const asked: string[] = [];
  const planned: string[] = [];
  const tips = new Map(there.map((branch, at) => [`refs/heads/${branch}`, sha("abcdef"[at] ?? "0")]));
  const looking = {
    defaultBranch: "main",
    open: [],
    started: [],
    standing: [],
    ports: {
      ledger: "refs/heads/sluice/ledger",
      mirror: {
        async refresh(patterns: readonly string[]) {
          asked.push(...patterns);
          return { kind: "ok", refs: tips };
        },
      },
      async planAt({ commit }: { readonly commit: string }) {
        planned.push([...tips].find(([, tip]) => tip === commit)?.[0] ?? commit);
        return { planned: [] };
      },
    },
  } as unknown as Looking;
  const pipelines = branches.map((push) => ({ file: { pipeline: { triggers: { push } } } }));
  await lookAtOtherBranches(looking, { planned: pipelines } as unknown as PlannedCommit);
  return { asked, planned };
}

const THERE = ["main", "sluice/ledger", "release/1", "dependabot/x"];

test("each glob of branches is asked for by how its names begin, once, and only what listens is planned", async () => {
  expect(await looked([{ branches: ["release/**", "main"], paths: null }], THERE)).toEqual({
    asked: ["refs/heads/release/*"],
    planned: ["refs/heads/release/1"],
  });
  const both = [
    { branches: ["release/1"], paths: null },
    { branches: ["release/1", "!release/2"], paths: null },
  ];
  expect(await looked(both, THERE)).toEqual({ asked: ["refs/heads/release/1"], planned: ["refs/heads/release/1"] });
});

test("branches that are only taken away are taken from all", async () => {
  expect(await looked([{ branches: ["!dependabot/**"], paths: null }], THERE)).toEqual({
    asked: ["refs/heads/*"],
    planned: ["refs/heads/release/1"],
  });
});

test("nothing is asked where pipelines listen to the default branch or to nothing", async () => {
  const quiet: readonly Triggers["push"][] = [
    false,
    { branches: "default", paths: null },
    { branches: ["main"], paths: null },
  ];
  expect(await looked(quiet, THERE)).toEqual({ asked: [], planned: [] });
});

test("whatever branch a glob of people selects is among what is asked for", () => {
  const globs = ["release/*", "release/**", "**", "*", "v*-rc-*", "hotfix-?"];
  const branches = ["main", "release/1", "release/a/b", "v1-rc-2", "hotfix-1", "a/c", "b/c", "ä/1"];
  for (const glob of [...globs, ...branches]) {
    const push = { branches: [glob], paths: null };
    const [pattern = ""] = refsListenedTo(push, "trunk");
    checkPattern(pattern);
    const selected = branches.filter((branch) => listensTo(push, { branch, defaultBranch: "trunk" }));
    expect(selected, glob).not.toEqual([]);
    for (const branch of selected) expect(matches(pattern, `refs/heads/${branch}`), `${glob} ${branch}`).toBe(true);
  }
});

test("what is asked for at a tip comes after all that is accepted, though the forge tells the time in seconds", () => {
  const now = Date.parse("2026-01-01T00:00:05Z");
  const before = { acceptedAt: new Date(now).toISOString() };
  const looking = {
    defaultBranch: "main",
    open: [before],
    started: [],
    ports: { forge: { repository: { id: 7 }, date: () => now } },
  } as unknown as Looking;
  const { acceptedAt } = askedAt(looking, { branch: "main", tip: sha("a"), commit: {} as PlannedCommit });
  expect(acceptedAt > before.acceptedAt).toBe(true);
});
