import { expect, test } from "vitest";

import { UNREADABLE, type PullRequestPlan } from "../../src/controller/project.ts";
import type { PullRequest } from "../../src/forge/forge.ts";
import type { CommitSha } from "../../src/identity/identity.ts";
import { keepSeen, wakeForMovedBases, wakeForPullRequests } from "../../src/main/serve/seen.ts";
import type { Queue } from "../../src/queue/queue.ts";
import { memoryTable } from "../controller/memory-table.ts";
import { PAGE } from "../controller/promotion-page.ts";
import { sha } from "../manifest/run-records.ts";

const REF = { id: 42, fullName: "acme/digits", installation: 1 };
const [BEFORE, NOW] = [sha("b"), sha("c")];

function planOf(pullRequest: PullRequest | undefined, onto: CommitSha, reads: string): PullRequestPlan {
  const file = { path: "pipelines/sum.yaml", parameterFiles: [], pipeline: { steps: [] } };
  const affected = [{ file, resolution: { sources: [reads] } }];
  const plan = { pullRequest, onto, ruling: BEFORE, affected, planned: { planned: affected }, problems: [] };
  return { ...plan, testMerge: false } as unknown as PullRequestPlan;
}

/** Open pull requests, each reported when its base was at BEFORE; answers whom a look wakes by then. */
async function woken({
  files,
  moved,
  gone = false,
  count = 1,
  problem = null,
  ruled = BEFORE,
  onto = NOW,
}: Moved): Promise<readonly string[]> {
  const table = memoryTable();
  const jobs: string[] = [];
  const add: Queue["jobs"]["add"] = async (_, all) => void jobs.push(...all.map(({ id }) => id));
  const queue = { table, jobs: { add } as Queue["jobs"] };
  const open = Array.from({ length: count }, (_, at): PullRequest => ({ ...PAGE, state: "open", number: at + 1 }));
  const file = { path: "pipelines/sum.yaml", parameterFiles: [], pipeline: { steps: [] } };
  const affected = files === null ? [] : [{ file, resolution: { sources: files } }];
  for (const pullRequest of open) {
    const plan = {
      pullRequest,
      onto: BEFORE,
      ruling: BEFORE,
      affected,
      planned: { planned: affected },
      testMerge: false,
      problems: problem === null ? [] : [{ code: problem }],
    };
    await keepSeen(queue, REF, plan as unknown as PullRequestPlan);
  }
  await wakeForPullRequests(queue, REF, open);
  expect(jobs).toEqual([]);
  const mirror = { resolve: async () => (gone ? undefined : BEFORE), changed: async () => moved };
  const refs = new Map([
    [`refs/heads/${PAGE.base.branch}`, onto],
    ["refs/heads/rules", ruled],
  ]);
  await wakeForMovedBases(queue, { ref: REF, mirror }, { open, refs, branch: "rules" });
  return jobs;
}

interface Moved {
  readonly files: readonly string[] | null;
  readonly moved: readonly string[];
  readonly gone?: boolean;
  readonly count?: number;
  /** Code of what stops it. */
  readonly problem?: string | null;
  /** Where the default branch and its base are by now. */
  readonly ruled?: CommitSha;
  readonly onto?: CommitSha;
}

test.each([
  ["in what its plan reads", { files: ["data.txt"], moved: ["README.md", "data.txt"] }, true],
  ["in the settings", { files: ["data.txt"], moved: ["sluice.yaml"] }, true],
  ["elsewhere", { files: ["data.txt"], moved: ["README.md"] }, false],
  ["by force, and nobody knows where", { files: ["data.txt"], moved: [], gone: true }, true],
  ["where no pipeline is affected", { files: null, moved: ["data.txt", "sluice.yaml"] }, false],
])("a pull request whose base moved %s is planned again, or not", async (_, moved, again) => {
  expect(await woken(moved)).toEqual(again ? ["pull-request-42-1"] : []);
});

test.each([
  ["nothing moved", { ruled: BEFORE, onto: BEFORE }, false],
  ["the default branch moved", { ruled: NOW, onto: BEFORE }, true],
  ["its base moved, wherever", { ruled: BEFORE, onto: NOW }, true],
])("what somebody else may mend is looked at again only when something moved: %s", async (_, tips, again) => {
  const stopped = { files: null, moved: [], problem: UNREADABLE, ...tips };
  expect(await woken(stopped)).toEqual(again ? ["pull-request-42-1"] : []);
});

test("one look asks for a bounded number of plans", async () => {
  expect(await woken({ files: ["data.txt"], moved: ["data.txt"], count: 60 })).toHaveLength(50);
});

test("each move of a base is compared once, and counts from what was reported last", async () => {
  const table = memoryTable();
  const jobs: string[] = [];
  const add: Queue["jobs"]["add"] = async (_, all) => void jobs.push(...all.map(({ id }) => id));
  const queue = { table, jobs: { add } as Queue["jobs"] };
  const compared: string[] = [];
  const changed = async (from: CommitSha, to: CommitSha) => {
    compared.push(`${from[0]}${to[0]}`);
    return from === BEFORE ? ["README.md"] : ["data.txt"];
  };
  const open: readonly PullRequest[] = [{ ...PAGE, state: "open", number: 1 }];
  const report = (onto: CommitSha, reads: string) => keepSeen(queue, REF, planOf(open[0], onto, reads));
  const look = (tip: CommitSha) =>
    wakeForMovedBases(
      queue,
      { ref: REF, mirror: { resolve: async () => BEFORE, changed } },
      { open, refs: new Map([[`refs/heads/${PAGE.base.branch}`, tip]]), branch: "rules" },
    );
  await report(BEFORE, "data.txt");
  for (const tip of [NOW, NOW, sha("d")]) await look(tip);
  expect([compared.splice(0), jobs.splice(0)]).toEqual([["bc", "cd"], ["pull-request-42-1"]]);
  // A report that was written meanwhile, onto the same commit, may read what the move touched.
  await look(NOW);
  await report(BEFORE, "README.md");
  await look(NOW);
  expect([compared, jobs]).toEqual([["bc", "bc"], ["pull-request-42-1"]]);
});
