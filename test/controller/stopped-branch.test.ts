import { expect, test } from "vitest";

import type { ReconcilePorts } from "../../src/controller/reconcile/looking.ts";
import { reconcile } from "../../src/controller/reconcile/reconcile.ts";
import { reportCommit, reportStopped } from "../../src/controller/report-commit.ts";
import { digestOf } from "../../src/identity/identity.ts";
import type { Problem } from "../../src/problem/problem.ts";
import type { RunOrder } from "../../src/run/request.ts";
import { runId, sha } from "../manifest/run-records.ts";

const TIP = sha("a");
const BROKEN: Problem = {
  severity: "error",
  code: "yaml",
  at: { path: "sluice.yaml", line: 3, column: 1 },
  message: "the list `[` is not closed",
  next: "close it",
};

/** Looks at a branch to which a pipeline was pushed, of whose commit these are the problems. */
async function looks(problems: readonly Problem[]) {
  const pipeline = {
    id: "ship",
    name: "ship",
    concurrency: null,
    triggers: { push: { branches: "default", paths: null }, schedule: [], upstream: [] },
  };
  const planned = [{ file: { pipeline }, order: { digest: digestOf("one") }, datasets: new Map(), problems: [] }];
  const accepted: string[] = [];
  const looked = await reconcile({
    forge: {
      repository: { id: 42 },
      date: () => 0,
      about: async () => ({ kind: "ok", value: { defaultBranch: "main" } }),
    },
    mirror: { refresh: async () => ({ kind: "ok", refs: new Map([["refs/heads/main", TIP]]) }) },
    history: { sync: async () => undefined, runs: () => [], byPrefix: () => [] },
    planAt: async () => ({ project: { problems, settings: { divergence: "report" } }, planned }),
    openOrders: async () => [],
    lostOrders: async () => [],
    accept: async ({ request }: RunOrder) => accepted.push(request) > 0,
    enqueue: async () => undefined,
    mend: async () => undefined,
    mergeOf: async () => ({ kind: "ok", value: null }),
    ledger: "refs/heads/sluice/ledger",
    released: null,
  } as unknown as ReconcilePorts);
  return { accepted, stopped: looked.kind === "looked" ? looked.stopped : [] };
}

test("a branch whose settings cannot be read starts nothing: nobody knows what only releases start", async () => {
  const elsewhere = { ...BROKEN, at: { ...BROKEN.at, path: "pipelines/other.yaml" } };
  expect(await looks([{ ...BROKEN, severity: "warning" }, elsewhere])).toEqual({
    accepted: ["push:main"],
    stopped: [],
  });
  expect(await looks([BROKEN])).toEqual({ accepted: [], stopped: [BROKEN] });
});

test("the check of its tip says so, with each place", () => {
  expect(reportStopped(TIP, [BROKEN])).toMatchObject({
    kind: "check",
    check: {
      head: TIP,
      name: "sluice / run",
      conclusion: "failure",
      title: "sluice.yaml has 1 problem: nothing is run",
      annotations: [{ path: "sluice.yaml", startLine: 3 }],
    },
  });
});

test("the check of a tip names what is wrong in its pipelines beside what stands there, and nothing where nothing is", () => {
  const broken = { ...BROKEN, at: { ...BROKEN.at, path: "pipelines/other.yaml" } };
  const about = {
    commit: TIP,
    branch: "main",
    merge: null,
    runs: [],
    open: [],
    standing: [],
    evidence: () => ({ tail: () => [], nearMiss: () => null, declared: () => null }),
    plots: () => [],
    answers: [],
    shown: [],
    told: false,
  };
  expect(reportCommit({ ...about, problems: [] })).toEqual([]);
  const [check] = reportCommit({
    ...about,
    problems: [broken],
    standing: [{ pipeline: "ship", run: runId("a") }],
  });
  expect(check).toMatchObject({
    kind: "check",
    check: {
      head: TIP,
      conclusion: "failure",
      status: "completed",
      title: "1 problem in pipelines/other.yaml",
      annotations: [{ path: "pipelines/other.yaml", startLine: 3 }],
    },
  });
  expect(check).toHaveProperty(
    "check.summary",
    expect.stringMatching(
      /`pipelines\/other\.yaml:3:1` the list [\s\S]+ is not closed\n\n`ship` is unchanged since run/,
    ),
  );
});
