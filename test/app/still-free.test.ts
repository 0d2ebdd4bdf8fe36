import { expect, test } from "vitest";

import type { CommitSha } from "../../src/identity/identity.ts";
import type { Place } from "../../src/main/release/promotion-place.ts";
import { stillFree } from "../../src/main/release/still-free.ts";
import type { EnvironmentSettings } from "../../src/pipeline/settings.ts";
import { digitsRun, runId, sha } from "../manifest/run-records.ts";

const [DECIDED, MOVED] = [sha("a"), sha("b")];
const PROD = {
  name: "prod",
  after: null,
  soakMs: 0,
  approvals: null,
  windows: [],
  freezes: [],
  deploy: null,
} as unknown as EnvironmentSettings;
const BEFORE = { "sluice.yaml": "one", "environments/prod/digits.yaml": "pin", "params.yaml": "1" };

/** Whether a promotion that was decided on may be done, once the default branch has these files. */
async function free({
  files = BEFORE,
  pipelines = ["digits"],
  broken = [],
  tip = MOVED,
  onLine = true,
}: {
  readonly files?: Readonly<Record<string, string>>;
  readonly pipelines?: readonly string[];
  readonly broken?: readonly string[];
  readonly tip?: CommitSha | null;
  readonly onLine?: boolean;
}): Promise<boolean> {
  const run = digitsRun({ id: runId("1") });
  const project = { pipelines: pipelines.map((id) => ({ pipeline: { id }, deploys: [] })), broken, problems: [] };
  const place = {
    branch: "main",
    tip: DECIDED,
    lost: new AbortController().signal,
    service: { parts: { ledger: "refs/heads/sluice/ledger" } },
    runs: { run: async () => run },
    repository: {
      releases: { states: async () => new Map() },
      projectAt: async () => project,
      mirror: {
        refresh: async (patterns: readonly string[]) => ({
          kind: "ok",
          refs: new Map(patterns.flatMap((ref) => (ref === "refs/heads/main" && tip !== null ? [[ref, tip]] : []))),
        }),
        mergeBase: async (source: CommitSha) => (onLine ? source : undefined),
        file: async (commit: CommitSha, path: string) => {
          const text = new Map(Object.entries(commit === DECIDED ? BEFORE : files)).get(path);
          return text === undefined ? undefined : new TextEncoder().encode(text);
        },
      },
    },
  } as unknown as Place;
  return stillFree(place, { environment: PROD, pipeline: "digits", request: { run: run.id } });
}

test("what the default branch came to demand in the moment of merging is decided on anew, and nothing else is", async () => {
  expect(await free({ tip: DECIDED })).toBe(true);
  expect(await free({ files: { ...BEFORE, "params.yaml": "2" } })).toBe(true);
  expect(await free({ files: { ...BEFORE, "sluice.yaml": "two approvals" } })).toBe(false);
  expect(await free({ files: { ...BEFORE, "environments/prod/digits.yaml": "another" } })).toBe(false);
  expect(await free({ tip: null })).toBe(false);
  // Pushed by force: what is to be released is not on the branch any more.
  expect(await free({ files: { ...BEFORE, "params.yaml": "2" }, onLine: false })).toBe(false);
});

test("a pipeline that went in the moment of merging is not released, nor one that cannot be read by then", async () => {
  expect(await free({ pipelines: ["other"] })).toBe(false);
  const { path } = digitsRun({ id: runId("1") }).pipeline;
  expect(await free({ pipelines: ["other"], broken: [path] })).toBe(false);
});
