import { expect, test } from "vitest";

import type { Newest } from "../../src/controller/request-promotions.ts";
import type { CommitSha } from "../../src/identity/identity.ts";
import type { RunSummary } from "../../src/index/history.ts";
import { labelledChanges } from "../../src/main/release/late-changes.ts";
import type { Place } from "../../src/main/release/promotion-place.ts";
import type { At } from "../../src/main/serve/at.ts";
import { labelledTable } from "../../src/main/serve/labels.ts";
import type { RunOrder } from "../../src/run/request.ts";
import { memoryTable } from "../controller/memory-table.ts";
import { PAGE } from "../controller/promotion-page.ts";
import { digitsRun, runId, sha } from "../manifest/run-records.ts";

const HOUR = 3_600_000;
const [TIP, MERGE, BEFORE] = [sha("f"), sha("a"), sha("b")];

interface Sketch {
  readonly line: readonly CommitSha[];
  /** Newest promotable run of each pipeline: the commit that it ran for. */
  readonly newest: Readonly<Record<string, CommitSha>>;
  /** Pipelines that ran for the merge. */
  readonly ran?: readonly string[];
  readonly open?: readonly Pick<RunOrder, "source" | "pipeline" | "domain">[];
  /** How long ago it was merged. */
  readonly ago?: number;
  readonly base?: string;
}

/** What is late of one merged pull request that is labelled, and whether it stays noted. */
async function late({ line, newest, ran = [], open = [], ago = HOUR, base = "main" }: Sketch) {
  const table = memoryTable();
  const repository = { installation: 1, id: 42, fullName: "acme/digits" };
  await table.put(labelledTable(repository), "5", true);
  const now = Date.parse("2026-01-05T12:00:00Z");
  const pull = {
    ...PAGE,
    merged: true,
    mergeCommit: MERGE,
    mergedAt: new Date(now - ago).toISOString(),
    labels: ["promote:prod"],
    base: { ...PAGE.base, branch: base },
  };
  const found = Object.entries(newest).map(([pipeline, source], at): Newest & { readonly source: CommitSha } => ({
    pipeline,
    run: runId(String(at)),
    source,
    pullRequests: [],
  }));
  const place = {
    branch: "main",
    now,
    line: async () => new Set(line),
    project: { pipelines: ["a", "b"].map((id) => ({ pipeline: { id }, deploys: [] })) },
    runs: {
      run: async (id: string) => {
        const one = found.find(({ run }) => run === id);
        return one && digitsRun({ id: one.run, source: one.source });
      },
    },
    repository: {
      history: { runs: () => ran.map((pipeline, at) => ({ id: runId(`e${at}`), pipeline }) as unknown as RunSummary) },
      forge: { repository, pullRequest: async () => ({ kind: "ok", value: pull }) },
      mirror: { refresh: async () => ({ kind: "ok", refs: new Map() }) },
    },
  } as unknown as Place;
  const at = {
    queue: { table },
    service: { parts: { ledger: "refs/heads/sluice/ledger" }, open: async () => open },
  } as unknown as At;
  const { late: changes, elsewhere } = await labelledChanges(at, place, found);
  return {
    late: changes.map((one) => ({ newest: one.newest.map(({ pipeline }) => pipeline), failed: one.failed })),
    noted: (await table.entries(labelledTable(repository))).length,
    ...(elsewhere.length > 0 && { elsewhere: elsewhere.map(({ number }) => number) }),
  };
}

const WAITS = { late: [], noted: 1 };
const LINE = [TIP, MERGE, BEFORE];

test("a change is late once a later one has passed it in all that ran for it", async () => {
  const passed = { newest: { a: TIP, b: TIP }, line: LINE };
  expect(await late({ ...passed, ran: ["a", "b"] })).toEqual({ late: [{ newest: ["a", "b"], failed: [] }], noted: 1 });
  expect(await late({ ...passed, ran: ["a"] })).toEqual({ late: [{ newest: ["a"], failed: [] }], noted: 1 });
  expect(await late({ ...passed, ran: ["a"], open: [{ source: MERGE, pipeline: "a", domain: "main" }] })).toEqual(
    WAITS,
  );
  expect(await late({ ...passed, newest: { a: BEFORE }, ran: ["a"] })).toEqual(WAITS);
  // Nothing ran for it: it is of any pipeline.
  expect(await late({ line: LINE, newest: { a: TIP, b: BEFORE } })).toEqual({
    late: [{ newest: ["a"], failed: [] }],
    noted: 1,
  });
});

test("a change that was merged into another branch is elsewhere, unless the default branch has it", async () => {
  const aside = { newest: { a: TIP }, base: "release" };
  expect(await late({ ...aside, line: [TIP, BEFORE] })).toEqual({ late: [], noted: 1, elsewhere: [PAGE.number] });
  expect(await late({ ...aside, line: LINE })).toEqual({ late: [], noted: 0 });
});

test("a change that failed in one of two pipelines is late once nothing runs that may yet be its newest", async () => {
  const failed = { line: LINE, newest: { a: TIP, b: BEFORE }, ran: ["a", "b"] };
  const told = { late: [{ newest: ["a"], failed: ["b"] }], noted: 1 };
  expect(await late(failed)).toEqual(told);
  expect(await late({ ...failed, newest: { a: TIP } })).toEqual(told);
  for (const source of [MERGE, TIP])
    expect(await late({ ...failed, open: [{ source, pipeline: "b", domain: "main" }] })).toEqual(WAITS);
  expect(await late({ ...failed, open: [{ source: TIP, pipeline: "a", domain: "main" }] })).toEqual(told);
  // Tried again it is the newest.
  expect(await late({ ...failed, newest: { a: TIP, b: MERGE } })).toEqual(WAITS);
});

test("a change that lies further back than the branch is read is late, and one merged just now is not", async () => {
  const gone = { line: [TIP, BEFORE], newest: { a: BEFORE }, ran: ["a"] };
  expect(await late(gone)).toEqual({ late: [{ newest: ["a"], failed: [] }], noted: 1 });
  expect(await late({ ...gone, ago: 60_000 })).toEqual(WAITS);
});
