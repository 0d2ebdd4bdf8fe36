import { expect, test } from "vitest";

import { diffRuns } from "../../src/diff/run-diff.ts";
import { digestOf } from "../../src/identity/identity.ts";
import type { RunRecord } from "../../src/run/run-record.ts";
import { ansiPaint, noPaint } from "../../src/report/paint.ts";
import { liveFrame, liveRun, watched } from "../../src/report/run-live.ts";
import { runMarkdown } from "../../src/report/run-markdown.ts";
import type { RunProgress } from "../../src/report/run-progress.ts";
import { notes, progressLine, runSummary } from "../../src/report/run-text.ts";
import { displayWidth } from "../../src/report/table.ts";
import { fourCharacters } from "../../src/report/words.ts";
import { before, done, finished, learningRate, profile, run, stepRecord, workStep } from "./digits.ts";

const options = { paint: noPaint, shortId: fourCharacters };
const gate = { kind: "gate", metric: "accuracy", value: "0.91", gate: ">= 0.95" } as const;

const progress: { readonly [Kind in RunProgress["kind"]]: readonly Extract<RunProgress, { kind: Kind }>[] } = {
  started: [
    {
      kind: "started",
      step: "train",
      attempt: 1,
      cause: { kind: "changed", changes: [{ ...learningRate, name: "learning_rate" }] },
    },
    { kind: "started", step: "train", attempt: 2, cause: { kind: "first-run" } },
  ],
  cached: [{ kind: "cached", step: "prepare", from: run("r4k7") }],
  succeeded: [
    { kind: "succeeded", step: "train", profile: profile(41_000, 412_000_000), nonDeterministic: false },
    { kind: "succeeded", step: "train", profile: profile(900), nonDeterministic: true },
  ],
  failed: [{ kind: "failed", step: "train", failure: { kind: "exit", code: 1 }, wallMs: 3_210 }],
  retrying: [
    { kind: "retrying", step: "train", failure: { kind: "lost", why: "the worker ended" }, attempt: 1, delayMs: 5_000 },
  ],
  gate: [
    { kind: "gate", step: "evaluate", failure: gate, stops: true },
    { kind: "gate", step: "evaluate", failure: gate, stops: false },
  ],
  cancelled: [{ kind: "cancelled", step: "train" }],
};

test("progress in plain lines", async () => {
  const lines = Object.values(progress)
    .flat()
    .map((event) => progressLine(event, options));
  expect(lines).toContain("▶ train  parameter learning_rate 0.1 → 0.05");
  expect(lines).toContain("✓ prepare  from run r4k7");
  expect(lines).toContain("✓ train  41 s, peak 412 MB");
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("../golden/report/progress.txt");
});

test("a forced step that gives other bytes has replaced the first result", () => {
  const forced = stepRecord(workStep("shuffle"), done("shuffle", { cause: { kind: "forced" } }), {
    nonDeterministic: [digestOf("other")],
  });
  expect(notes({ ...finished, steps: [forced] })).toEqual([
    "not deterministic: shuffle gave other bytes than before for the same key; the new result replaces the first",
  ]);
});

test("a metric that is declared and was not written is told with the one that was meant; so are files without a number", () => {
  const [accuracy, ...others] = finished.metricSpecs;
  const mistyped = { ...finished, metricSpecs: [{ ...accuracy, name: "acuracy" }, ...others] } as RunRecord;
  const silent = stepRecord(workStep("count"), done("count"));
  const document = silent.document === null ? null : { ...silent.document, metrics: ["m.json"] };

  expect(notes(finished)).toEqual([]);
  expect(notes(mistyped)).toEqual([
    "evaluate wrote no acuracy, but accuracy, images.count and log_loss; did you mean accuracy?",
  ]);
  expect(notes({ ...finished, steps: [...finished.steps, { ...silent, document }] })).toEqual([
    "count wrote no number into m.json",
  ]);
});

const strange = {
  ...finished,
  dirty: { tree: "4b825dc", paths: ["src/train.mjs"] },
  overrides: { seed: 1 },
  environmentDrift: true,
  steps: [
    ...finished.steps,
    stepRecord(workStep("shuffle"), done("shuffle", { isolation: "workspace" }), {
      nonDeterministic: [digestOf("other")],
    }),
    stepRecord(workStep("publish"), { kind: "withheld", why: "effects" }),
  ],
};

test("the summary of a run", async () => {
  expect(runSummary(finished, options)).toContain(
    "Run r8x2 succeeded: 3 of 3 steps done in 46 s (1 cached) · slowest train 41 s, peak 412 MB\n",
  );
  await expect(runSummary(finished, options)).toMatchFileSnapshot("../golden/report/run.txt");
  await expect(runSummary(strange, options)).toMatchFileSnapshot("../golden/report/run-notes.txt");
});

test("the run's section of the sticky comment is the one of the interface", async () => {
  const baseline = { diff: diffRuns(before, finished), label: "main" };
  const comment = runMarkdown(finished, {
    shortId: fourCharacters,
    baseline,
    tail: (step) => (step === "train" ? ["epoch 10"] : []),
  });
  expect(comment).toContain("### Run `r8x2` · better than `main`: 1 of 2 metrics improved, none got worse\n");
  expect(comment).toContain("| metric | `main` (`r4k7`) | here | change | verdict |\n|---|---:|---:|---:|---|\n");
  expect(comment).toContain(
    "| accuracy ↑ | 0.9848 | **0.9889** | +0.0041 | better (tolerance 0.002) · gate ≥ 0.95 passed |\n",
  );
  expect(comment).toContain("| log_loss ↓ | 0.0712 | 0.0709 | −0.0003 | within tolerance |\n");
  expect(comment).toContain(
    "3 of 3 steps done in 46 s (1 cached) · slowest `train` 41 s, peak 412 MB · same data as `main`\n",
  );
  await expect(comment).toMatchFileSnapshot("../golden/report/run.md");
  await expect(runMarkdown(strange, { shortId: fourCharacters, baseline: null, tail: () => [] })).toMatchFileSnapshot(
    "../golden/report/run-first.md",
  );
});

test("the live view follows the run and never leaves its screen", async () => {
  const events: readonly (readonly [number, RunProgress])[] = [
    [0, { kind: "cached", step: "prepare", from: run("r4k7") }],
    [100, { kind: "started", step: "train", attempt: 1, cause: { kind: "first-run" } }],
    [
      200,
      {
        kind: "started",
        step: "数据-step-with-a-long-name-that-goes-on-and-on-and-on",
        attempt: 1,
        cause: { kind: "forced" },
      },
    ],
    [3_000, { kind: "retrying", step: "train", failure: { kind: "lost", why: "gone" }, attempt: 1, delayMs: 1_000 }],
    [4_000, { kind: "started", step: "train", attempt: 2, cause: { kind: "first-run" } }],
    [9_000, { kind: "gate", step: "train", failure: gate, stops: true }],
    [9_000, { kind: "succeeded", step: "train", profile: profile(5_000), nonDeterministic: false }],
    [
      9_500,
      {
        kind: "failed",
        step: "数据-step-with-a-long-name-that-goes-on-and-on-and-on",
        failure: { kind: "exit", code: 1 },
        wallMs: 9_300,
      },
    ],
  ];
  let live = liveRun(4, 0, new Map([["train", 42_000]]));
  const frames: string[] = [];
  for (const [at, event] of events) {
    live = watched(live, { progress: event, at }, options);
    const lines = liveFrame(live, { now: at + 1_500, width: 60, height: 4 }, options);
    for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(60);
    expect(lines.length).toBeLessThanOrEqual(4);
    frames.push(lines.join("\n"));
  }
  await expect(`${frames.join("\n\n")}\n`).toMatchFileSnapshot("../golden/report/live.txt");
});

test("more steps than lines are counted", () => {
  let live = liveRun(10, 0, new Map());
  for (let at = 0; at < 9; at++)
    live = watched(
      live,
      { progress: { kind: "started", step: `s${at}`, attempt: 1, cause: { kind: "forced" } }, at },
      options,
    );
  const lines = liveFrame(live, { now: 10, width: 80, height: 4 }, { ...options, paint: ansiPaint });
  expect(lines).toHaveLength(4);
  expect(lines.at(-1)).toBe("  and 7 more");
  expect(displayWidth(lines[1]!)).toBeLessThanOrEqual(80);
});
