import { expect, test } from "vitest";

import { diffRuns } from "../../src/diff/run-diff.ts";
import { digestOf } from "../../src/identity/identity.ts";
import { diffJson } from "../../src/report/diff-json.ts";
import { diffMarkdown } from "../../src/report/diff-markdown.ts";
import { diffText } from "../../src/report/diff-text.ts";
import { doctorJson, doctorText, type Check } from "../../src/report/doctor-text.ts";
import { explainJson, explainText, type ExplainView } from "../../src/report/explain-text.ts";
import { logJson, logText, type LogEntry } from "../../src/report/log-text.ts";
import type { Reproduction } from "../../src/release/reproduction.ts";
import { noPaint } from "../../src/report/paint.ts";
import { showJson, showText } from "../../src/report/show-text.ts";
import { statusJson, statusText, type StatusView } from "../../src/report/status-text.ts";
import { isUnsound, verifyJson, verifyText, type VerifyView } from "../../src/report/verify-text.ts";
import { fourCharacters } from "../../src/report/words.ts";
import type { RunRecord } from "../../src/run/run-record.ts";
import { before, commit, finished, learningRate, run, stepRecord, train, workStep } from "./digits.ts";

const options = { paint: noPaint, shortId: fourCharacters };

const entries: readonly LogEntry[] = [
  {
    id: run("r8x2"),
    pipeline: "digits",
    status: "succeeded",
    source: commit("a1b2c3d"),
    trigger: "local",
    requestedBy: "octocat",
    startedAt: "2026-11-20T10:12:00Z",
    finishedAt: "2026-11-20T10:12:46Z",
    metrics: { accuracy: 0.98888888, log_loss: 0.0709, f1: "NaN", recall: 1 },
  },
  {
    id: run("r4k7"),
    pipeline: "digits",
    status: "failed",
    source: commit("4e5f6a7"),
    trigger: "pull-request",
    requestedBy: null,
    startedAt: "2026-11-19T09:00:00Z",
    finishedAt: "2026-11-19T11:05:00Z",
    metrics: {},
  },
];

test("log", async () => {
  await expect(logText(entries, options)).toMatchFileSnapshot("../golden/report/log.txt");
  await expect(logJson(entries)).toMatchFileSnapshot("../golden/report/log.json");
  expect(logText([], options)).toBe("No run is recorded yet. Next: `sluice run`\n");
});

const unlucky: RunRecord = {
  ...finished,
  status: "failed",
  pullRequest: 12,
  approvedBy: ["hubot"],
  dirty: { tree: "4b825dc", paths: ["src/train.mjs"] },
  steps: [
    finished.steps[0]!,
    stepRecord(
      train,
      { kind: "failed", failure: { kind: "timeout", limitMs: 1000 } },
      { attempts: [finished.steps[1]!.attempts[0]!, finished.steps[1]!.attempts[0]!] },
    ),
    stepRecord(workStep("evaluate"), { kind: "not-started", because: "train" }),
    stepRecord(workStep("plot"), { kind: "cancelled" }),
    stepRecord(workStep("publish"), {
      kind: "withheld",
      why: "it changes the outside world: `--with-effects` runs it",
    }),
  ],
};

const reproduced: Reproduction = {
  repository: "42",
  run: finished.id,
  manifest: digestOf("manifest"),
  platform: "linux-arm64",
  compared: 12,
  differences: { count: 2, names: ["build/model.json", "evaluate: accuracy"] },
  left: ["publish"],
  at: "2026-11-21T08:30:00.000Z",
};

test("show", async () => {
  await expect(showText(finished, { ...options, reproduced, waiting: null })).toMatchFileSnapshot(
    "../golden/report/show.txt",
  );
  await expect(showText(unlucky, { ...options, reproduced: null, waiting: null })).toMatchFileSnapshot(
    "../golden/report/show-failed.txt",
  );
  expect(JSON.parse(showJson(finished, null))).toEqual({ version: 1, run: finished, reproduced: null });
  expect(JSON.parse(showJson(finished, reproduced))).toMatchObject({ reproduced: { ...reproduced, same: false } });
});

test("diff", async () => {
  const diff = diffRuns(before, finished);
  await expect(diffText(diff, options)).toMatchFileSnapshot("../golden/report/diff.txt");
  await expect(diffMarkdown(diff, options)).toMatchFileSnapshot("../golden/report/diff.md");
  await expect(diffJson(diff)).toMatchFileSnapshot("../golden/report/diff.json");
  const none = diffRuns(finished, finished);
  await expect(`${diffText(none, options)}\n${diffMarkdown(none, options)}`).toMatchFileSnapshot(
    "../golden/report/diff-none.txt",
  );
});

test("diff of runs on other data, with metrics that came and went", async () => {
  const datasets = finished.datasets.map((dataset) => ({ ...dataset, digest: digestOf("other data") }));
  const steps = finished.steps.map((step) =>
    step.outcome.kind === "succeeded" && step.name === "evaluate"
      ? {
          ...step,
          document: {
            ...step.document!,
            inputs: [{ path: "data/digits.csv", kind: "dataset" as const, digest: digestOf("other data") }],
          },
          outcome: {
            ...step.outcome,
            facts: { ...step.outcome.facts, metrics: { accuracy: "NaN" as const, recall: 1 } },
          },
        }
      : step,
  );
  const diff = diffRuns(finished, { ...finished, id: run("r9z9"), datasets, steps });
  await expect(`${diffText(diff, options)}\n${diffMarkdown(diff, options)}`).toMatchFileSnapshot(
    "../golden/report/diff-data.txt",
  );
});

const explained: ExplainView = {
  pipeline: "digits",
  step: "train",
  verdict: { kind: "run", key: digestOf("now"), cause: { kind: "changed", changes: [learningRate] } },
  work: train,
  key: digestOf("now"),
  document: train.document,
  against: { run: run("r4k7"), key: digestOf("before") },
  changes: [
    learningRate,
    {
      kind: "command",
      from: "set -x\nnode src/train.mjs --epochs 10\necho done",
      to: "set -x\nnode src/train.mjs --epochs 20\necho done",
    },
    { kind: "secrets", from: "[]", to: '["HF_TOKEN"]' },
  ],
  surroundings: [{ name: "isolation", from: "sandbox", to: "workspace", steps: ["train"] }],
};

test("explain", async () => {
  const cached: ExplainView = {
    ...explained,
    changes: [],
    surroundings: [],
    key: digestOf("before"),
    verdict: { kind: "cached", key: digestOf("before"), result: {} as never, from: run("r4k7") },
  };
  const unknown: ExplainView = {
    ...explained,
    key: null,
    against: null,
    changes: [],
    document: null,
    verdict: { kind: "depends", on: ["prepare"], root: ["prepare"], changes: [] },
  };
  await expect(
    [explained, cached, unknown, { ...explained, changes: [], failed: { kind: "exit", code: 3 } } as const]
      .map((view) => explainText(view, options))
      .join("\n---\n"),
  ).toMatchFileSnapshot("../golden/report/explain.txt");
  expect(JSON.parse(explainJson(explained))).toMatchObject({
    version: 1,
    step: "train",
    key: digestOf("now"),
    why: "parameter train.learning_rate 0.1 → 0.05",
  });
});

const status: StatusView = {
  branch: "main",
  commit: commit("a1b2c3d"),
  pipelines: [
    {
      name: "digits",
      problems: 0,
      pending: { run: 1, depends: 2, cached: 0, withheld: 0, removed: 0 },
      last: { id: run("r8x2"), status: "succeeded", finishedAt: "2026-11-20T10:12:46Z" },
    },
    { name: "pretrain", problems: 0, pending: { run: 0, depends: 0, cached: 4, withheld: 0, removed: 0 }, last: null },
    { name: "broken", problems: 2, pending: null, last: null },
  ],
  holder: 4711,
  active: [
    {
      id: run("r9z9"),
      pipeline: "digits",
      startedAt: "2026-11-20T10:12:00Z",
      done: 1,
      total: 3,
      process: 4711,
      running: [{ step: "train", since: "2026-11-20T10:12:48Z", attempt: 2 }],
      carriesOn: true,
    },
    {
      id: run("r7y7"),
      pipeline: "pretrain",
      startedAt: "2026-11-20T10:12:00Z",
      done: 2,
      total: 4,
      process: null,
      running: [{ step: "evaluate", since: "2026-11-24T00:30:00Z", attempt: 1 }],
      carriesOn: false,
    },
  ],
};

test("status", async () => {
  await expect(statusText(status, { ...options, now: "2026-11-20T10:13:30Z" })).toMatchFileSnapshot(
    "../golden/report/status.txt",
  );
  expect(
    statusText({ branch: null, commit: null, pipelines: [], active: [], holder: null }, { ...options, now: "" }),
  ).toBe("no commit yet\n\nNo pipeline here. Next: `sluice init`\n");
  expect(JSON.parse(statusJson(status))).toEqual({ version: 1, ...status });
});

test("verify", async () => {
  const sound: VerifyView = {
    runs: [{ run: run("r8x2"), pipeline: "digits", verified: "signature", findings: [] }],
    ledger: [],
  };
  const unsound: VerifyView = {
    runs: [
      ...sound.runs,
      {
        run: run("r4k7"),
        pipeline: "digits",
        verified: "none",
        findings: [{ kind: "digest", sentence: "the manifest is not the one that its commit names" }],
      },
      { run: run("r3a3"), pipeline: "digits", verified: "none", findings: [] },
    ],
    ledger: [{ kind: "chain", sentence: "commit 4e5f6a7 changes a recorded run" }],
  };
  expect([isUnsound(sound), isUnsound(unsound)]).toEqual([false, true]);
  await expect(
    [sound, unsound, { runs: [], ledger: [] }].map((view) => verifyText(view, options)).join("\n"),
  ).toMatchFileSnapshot("../golden/report/verify.txt");
  expect(JSON.parse(verifyJson(unsound))).toMatchObject({ version: 1, sound: false });
  const bundled = (one: VerifyView["runs"][number]) => ({ ...one, identity: "unchecked" as const });
  const unchecked = { ...sound, runs: sound.runs.map(bundled), unchecked: { events: 2, reproductions: 1 } };
  expect(verifyText(unchecked, options)).toContain(
    "Sigstore bundles of 1 run, 2 events and 1 reproduction were not checked",
  );
  expect(verifyText({ ...sound, others: { events: 2, reproductions: 1 } }, options)).toContain(
    "✓ 2 events and 1 reproduction verified: whoever signed them is known\n",
  );
  expect(verifyText({ ...sound, others: { events: 0, reproductions: 0 } }, options)).toBe(verifyText(sound, options));
  expect(verifyText({ ...sound, unchecked: { events: 0, reproductions: 0 } }, options)).not.toContain("Sigstore");
});

test("doctor", async () => {
  const checks: readonly Check[] = [
    { name: "node", state: "fine", found: "24.21.0", next: null },
    { name: "git", state: "fine", found: "2.39.5, native", next: null },
    {
      name: "sandbox",
      state: "warning",
      found: "no bubblewrap: steps run at isolation `workspace`",
      next: "install it (`apt install bubblewrap`)",
    },
    { name: "store", state: "broken", found: "`.sluice/store` is not writable", next: "`chown -R $USER .sluice`" },
  ];
  await expect(`${doctorText(checks, noPaint)}\n${doctorText(checks.slice(0, 2), noPaint)}`).toMatchFileSnapshot(
    "../golden/report/doctor.txt",
  );
  expect(JSON.parse(doctorJson(checks))).toEqual({ version: 1, checks });
});
