import { expect, test } from "vitest";

import { planMergeGroup, planPullRequest, type PullRequestPorts } from "../../src/controller/plan-pull-request.ts";
import { reportPullRequest } from "../../src/controller/report-pull-request.ts";
import { CONFLICT, type MergePlan, type PlannedCommit } from "../../src/controller/project.ts";
import { DEFAULT_SETTINGS } from "../../src/pipeline/settings.ts";
import { POINTER } from "../../src/plan/pointer-warnings.ts";
import type { Desired } from "../../src/forge/desired.ts";
import type { Answer, PullRequest } from "../../src/forge/forge.ts";
import { parseCommitSha, type CommitSha } from "../../src/identity/identity.ts";
import { sha } from "../manifest/run-records.ts";
import { PAGE } from "./promotion-page.ts";

const NOTHING = { project: { problems: [], broken: [] }, planned: [] } as unknown as PlannedCommit;

const HEADS = [`refs/pull/${PAGE.number}/head`, "refs/heads/main"].map((ref) => [ref, PAGE.head.sha] as const);

/** A repository in which a pull request changes no pipeline, of which the forge says one thing after the other. */
function unaffected(...answers: readonly Answer<PullRequest>[]): PullRequestPorts {
  const left = [...answers];
  const ports = {
    forge: {
      repository: { id: 42, installation: 1, fullName: "acme/digits" },
      about: async () => ({ kind: "ok", value: { defaultBranch: "main" } }),
      pullRequest: async () => left.shift(),
    },
    mirror: {
      refresh: async () => ({ kind: "ok", refs: new Map(HEADS) }),
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

test("what does not merge is planned as it stands, with its conflict as a problem that says what to do", async () => {
  const file = { path: "pipelines/sum.yaml", parameterFiles: [], pipeline: { id: "sum", name: "sum", steps: [] } };
  const one = { file, resolution: { sources: ["data.txt"] }, order: null, forecast: null, problems: [] };
  const ports = unaffected(OPEN, OPEN);
  const moved = sha("c");
  const planned = await planPullRequest(
    {
      ...ports,
      planAt: async () => ({ ...NOTHING, planned: [one] }) as unknown as PlannedCommit,
      mirror: {
        ...ports.mirror,
        refresh: async () => ({ kind: "ok", refs: new Map([...HEADS, ["refs/heads/main", moved]]) }),
        changed: async () => ["data.txt"],
        mergeTree: async () => ({ kind: "conflict", paths: ["data.txt"] }),
      },
    },
    PAGE.number,
  );
  expect(planned).toMatchObject({
    kind: "planned",
    plan: { testMerge: false, problems: [{ code: CONFLICT, severity: "error", at: { path: "data.txt" } }] },
  });
});

test.each([
  ["cannot be looked at now is looked at later: its queue waits for it", { kind: "unreachable", why: "503" }, "again"],
  ["is in no repository of ours any more is over", { kind: "refused", why: "gone" }, "over"],
] as const)("a merge queue's commit that %s", async (_, refreshed, kind) => {
  const ports = unaffected();
  const mirror = { ...ports.mirror, refresh: async () => refreshed };
  expect((await planMergeGroup({ ...ports, mirror }, { head: sha("a"), base: sha("b") })).kind).toBe(kind);
});

test("a pointer that a step would read is told though the base has it too: the run would be refused", async () => {
  const at = { path: "pipelines/sum.yaml", line: 3, column: 9 };
  const warning = (code: string) => ({ severity: "warning" as const, code, at, message: code, next: "" });
  const problems = [warning(POINTER), warning("shared-output")];
  const planAt = async () => ({ ...NOTHING, project: { ...NOTHING.project, problems } });
  const planned = await planPullRequest({ ...unaffected(OPEN, OPEN), planAt }, PAGE.number);
  expect(planned).toMatchObject({ kind: "planned", plan: { problems: [{ code: POINTER }] } });
});

test("policies of a default branch that cannot be read are not met by that, but by a change that mends them", async () => {
  const at = { path: "sluice.yaml", line: 2, column: 1 };
  const unreadable = [{ severity: "error", code: "yaml", at, message: "it is broken", next: "mend it" }];
  const problems = async (changed: readonly string[]) => {
    const ports = unaffected(OPEN, OPEN);
    const group = await planMergeGroup(
      {
        ...ports,
        mirror: { ...ports.mirror, resolve: async () => sha("a"), changed: async () => changed },
        rulesAt: async (commit) =>
          ({ problems: [], ...(commit === sha("b") && { unreadable }) }) as unknown as Awaited<
            ReturnType<PullRequestPorts["rulesAt"]>
          >,
      },
      { head: sha("a"), base: sha("b") },
    );
    return group.kind === "planned" ? group.plan.problems : [];
  };
  expect(await problems([])).toMatchObject([{ code: "unreadable-rules", severity: "error", at }]);
  expect(await problems(["sluice.yaml"])).toEqual([]);
});

/** A repository whose settings stand at c, and are gone with every other commit. */
function losing(onto: Answer<PullRequest>, refs: ReadonlyMap<string, CommitSha>): PullRequestPorts {
  const ports = unaffected(onto, onto);
  const rules = { settings: DEFAULT_SETTINGS, pools: {}, leastIsolation: "workspace", problems: [] } as const;
  return {
    ...ports,
    mirror: {
      ...ports.mirror,
      refresh: async () => ({ kind: "ok", refs }),
      resolve: async (commit) => parseCommitSha(commit),
      mergeBase: async () => sha("c"),
      changed: async () => ["sluice.yaml"],
    },
    rulesAt: async (commit) => ({ ...rules, ...(commit !== sha("c") && { absent: true as const }) }),
  };
}

function told(plan: MergePlan, baseBranch: string): readonly Desired[] {
  return reportPullRequest({
    ...plan,
    number: PAGE.number,
    baseBranch,
    runs: [],
    open: [],
    evidence: () => ({ tails: [], steps: [] }) as never,
    plots: () => [],
    text: () => undefined,
    slots: 1,
    labels: [],
    answers: [],
    shown: [],
  });
}

test("a warning about a file that no pipeline reads is told where no pipeline is affected", async () => {
  const value: PullRequest = { ...PAGE, state: "open" };
  const planned = await planPullRequest(unaffected({ kind: "ok", value }, { kind: "ok", value }), PAGE.number);
  if (planned.kind !== "planned") throw new Error(planned.kind);
  const problem = {
    severity: "warning",
    code: "other-ending",
    at: { path: "pipelines/slow.yml", line: 1, column: 1 },
    message: "the file is not taken for a pipeline",
    next: "rename it",
  } as const;

  const [comment, check] = told({ ...planned.plan, problems: [problem] }, "main");

  expect(comment).toMatchObject({
    kind: "comment",
    body: expect.stringContaining("the file is not taken for a pipeline"),
  });
  expect(check).toMatchObject({
    check: {
      conclusion: "success",
      title: "1 warning, nothing will run",
      annotations: [expect.objectContaining({ path: "pipelines/slow.yml" })],
    },
  });
});

test.each([
  ["the branch that rules are read from says so", "main", true],
  ["another branch says nothing of it", "release", false],
])("a change that takes the settings away from %s", async (_, branch, says) => {
  const value: PullRequest = { ...PAGE, state: "open", base: { ...PAGE.base, branch } };
  const refs = new Map([...HEADS, [`refs/heads/${branch}`, sha("c")] as const, ["refs/heads/main", sha("c")] as const]);
  const planned = await planPullRequest(losing({ kind: "ok", value }, refs), PAGE.number);
  if (planned.kind !== "planned") throw new Error(planned.kind);
  const [comment, check] = told(planned.plan, branch);
  expect(comment).toMatchObject({ kind: "comment", body: says ? expect.stringContaining("is taken away") : null });
  const title = says ? "The settings are taken away" : "No pipeline is affected";
  expect(check).toMatchObject({ kind: "check", check: { title } });
});

test("the check of a merge queue's commit says that the settings are taken away", async () => {
  const planned = await planMergeGroup(losing(OPEN, new Map()), { head: sha("a"), base: sha("c") });
  if (planned.kind !== "planned") throw new Error(planned.kind);
  const check = told(planned.plan, "the queue").find(({ kind }) => kind === "check");
  const text = expect.stringContaining("is taken away by this change") as string;
  expect(check).toMatchObject({ check: { title: "The settings are taken away", text } });
});
