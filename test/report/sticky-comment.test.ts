import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { diffRuns } from "../../src/diff/run-diff.ts";
import { annotationOf, BUTTONS, conclusionOf, planCheckOutput, runCheckOutput } from "../../src/report/check-output.ts";
import type { PlanView } from "../../src/report/plan-view.ts";
import {
  COMMENT_LIMIT,
  STICKY_MARKER,
  stickyComment,
  type StickyRun,
  type StickyState,
} from "../../src/report/sticky-comment.ts";
import { fourCharacters } from "../../src/report/words.ts";
import type { RunRecord } from "../../src/run/run-record.ts";
import {
  attempt,
  before,
  brokenDigits,
  changedDigits,
  evaluate,
  finished,
  forecast,
  run,
  stepRecord,
  train,
  unchangedDigits,
  workOrder,
  workStep,
} from "./digits.ts";

const ALL = ["plan", "run", "cancel", "retry"] as const;
const NOTHING = { tail: () => [], nearMiss: () => null, declared: () => null };

function state(changes: Partial<StickyState> = {}): StickyState {
  return {
    views: [changedDigits],
    plan: {
      shortId: fourCharacters,
      slots: 2,
      frame: (problem) => [`> ${problem.at.line} | inputs: [build/trian.csv]`],
      pullRequest: { head: "a1b2c3d4e5f6", base: "4e5f6a7b8c9d", branch: "main", revision: 3 },
    },
    runs: [],
    answers: [],
    ...changes,
  };
}

function ended(record: RunRecord, evidence: Extract<StickyRun, { kind: "ended" }>["evidence"] = NOTHING): StickyRun {
  return { kind: "ended", record, baseline: { diff: diffRuns(before, record), label: "main" }, evidence };
}

const firstPlan: PlanView = {
  ...changedDigits,
  policies: [],
  costUsd: null,
  forecast: forecast(
    ["prepare", "train", "evaluate"].map((step) => ({
      step,
      verdict: { kind: "depends", on: ["prepare"], root: ["prepare"], changes: [] },
      time: null,
    })),
  ),
};

const failed: RunRecord = {
  ...finished,
  status: "failed",
  steps: [
    ...finished.steps.slice(0, 1),
    stepRecord(
      train,
      { kind: "failed", failure: { kind: "oom", limitBytes: 2 * 1024 ** 3, peakBytes: 2 * 1024 ** 3 } },
      { attempts: [attempt(192_000)] },
    ),
    stepRecord(evaluate, { kind: "not-started", because: "train" }),
  ],
};

const worse: RunRecord = { ...before, id: run("w0r5"), source: finished.source };

describe("what a reviewer reads", () => {
  const cases: Readonly<Record<string, StickyState>> = {
    several: state({
      views: [changedDigits, { ...changedDigits, name: "letters", policies: [], costUsd: null }],
      plan: { ...state().plan, others: { unchanged: ["pretrain", "publish"], removed: ["legacy"] } },
    }),
    first: state({
      views: [firstPlan],
      plan: { ...state().plan, pullRequest: { head: "a1b2c3d", base: "4e5f6a7", branch: "main", revision: 1 } },
    }),
    problems: state({ views: [brokenDigits] }),
    better: state({ runs: [ended(finished)] }),
    worse: state({
      runs: [
        {
          kind: "ended",
          record: worse,
          baseline: { diff: diffRuns(finished, worse), label: "main" },
          evidence: NOTHING,
        },
      ],
    }),
    failed: state({
      runs: [
        ended(failed, {
          tail: () => ["epoch 3", "/sluice promote prod", "Killed"],
          nearMiss: () => null,
          declared: () => null,
        }),
      ],
    }),
    "under-way": state({
      runs: [
        {
          kind: "under-way",
          run: run("r8x2"),
          pipeline: "digits",
          done: 1,
          total: 3,
          running: ["train"],
          began: "2026-01-01T00:00:12Z",
        },
        { kind: "waiting", run: run("q1q1"), pipeline: "letters", why: "the pool `gpu` is busy" },
      ],
    }),
    answers: state({ answers: ["`/sluice run`: not permitted, because @octocat may only read"] }),
    unchanged: state({ views: [unchangedDigits] }),
  };
  test.each(Object.keys(cases))("%s", async (name) => {
    const comment = stickyComment(cases[name] ?? state());
    expect(comment.startsWith(`${STICKY_MARKER}\n`)).toBe(true);
    await expect(comment).toMatchFileSnapshot(`../golden/report/sticky-${name}.md`);
  });

  test("shortened by whole parts, and the check holds more", async () => {
    const views = Array.from({ length: 40 }, (_, pipeline): PlanView => {
      const steps = Array.from({ length: 60 }, (_one, at) => workStep(`part-${pipeline}-${at}`));
      return {
        ...firstPlan,
        name: `pipeline-${pipeline}`,
        order: workOrder(`pipeline-${pipeline}`, steps),
        forecast: forecast(
          steps.map(({ name }) => ({
            step: name,
            verdict: { kind: "depends", on: [name], root: [name], changes: [] },
            time: null,
          })),
        ),
      };
    });
    const long = state({ views, runs: [ended(finished)] });
    const comment = stickyComment(long);
    expect(comment.length).toBeLessThanOrEqual(COMMENT_LIMIT);
    expect(comment).toContain("the check `sluice / plan` shows more");
    expect(comment).toContain("**Next:**");
    expect(comment.split("<details>").length).toBe(comment.split("</details>").length);
    expect(comment.match(/^```/gm)?.length ?? 0).toSatisfy((fences: number) => fences % 2 === 0);
    expect(planCheckOutput(long, ALL).text.length).toBeLessThanOrEqual(65_535);
    await expect(comment).toMatchFileSnapshot("../golden/report/sticky-truncated.md");
  });
});

describe("checks", () => {
  test("a plan passes, fails by problems and by a denied policy", () => {
    const lost = "`sluice.yaml` is taken away";
    expect(planCheckOutput(state({ views: [], lost }), ALL)).toMatchObject({
      title: "The settings are taken away",
      text: expect.stringContaining(lost),
    });
    expect(stickyComment(state({ views: [], lost }))).toContain(lost);
    expect(planCheckOutput(state(), ALL)).toMatchObject({
      conclusion: "success",
      title: "1 step runs, 1 depends, 1 cached · about 45 s · $0.01",
      actions: [BUTTONS.run, BUTTONS.plan],
    });
    expect(planCheckOutput(state({ views: [brokenDigits] }), ALL)).toMatchObject({
      conclusion: "failure",
      title: "2 problems, nothing will run",
      actions: [BUTTONS.plan],
    });
    const denied = { ...changedDigits, policies: [{ name: "cost", outcome: "denied" as const, message: "too dear" }] };
    expect(planCheckOutput(state({ views: [denied] }), ALL)).toMatchObject({
      conclusion: "failure",
      title: "1 policy not met",
    });
    expect(planCheckOutput(state({ views: [] }), ALL)).toMatchObject({
      conclusion: "success",
      title: "No pipeline is affected",
      text: "Nothing that a pipeline reads has changed.\n",
    });
    const removed = { ...state().plan, others: { unchanged: [], removed: ["legacy"] } };
    expect(planCheckOutput(state({ views: [], plan: removed }), ALL)).toMatchObject({
      conclusion: "success",
      title: "1 pipeline removed",
      text: expect.stringContaining("Removed: `legacy`\n\n<sub>plan for ") as string,
    });
  });

  test("a run is under way until all have ended, and the worst end counts", () => {
    const waiting: StickyRun = { kind: "waiting", run: run("q1q1"), pipeline: "letters", why: "the pool is busy" };
    expect(runCheckOutput(state({ runs: [ended(finished), waiting] }), ALL)).toMatchObject({
      conclusion: null,
      title: "digits: succeeded, letters: waiting",
      actions: [BUTTONS.cancel],
    });
    expect(runCheckOutput(state({ runs: [ended(finished), ended(failed)] }), ALL)).toMatchObject({
      conclusion: "failure",
      actions: [BUTTONS.retry],
    });
    expect(conclusionOf(["succeeded", "superseded"])).toBe("cancelled");
    expect(conclusionOf(["skipped"])).toBe("skipped");
    expect(conclusionOf(["succeeded", "skipped"])).toBe("success");
  });

  test("buttons that nobody would answer are not offered, and GitHub takes the others", () => {
    expect(planCheckOutput(state(), ["plan"]).actions).toEqual([BUTTONS.plan]);
    for (const { label, description, identifier } of Object.values(BUTTONS)) {
      expect(label.length).toBeLessThanOrEqual(20);
      expect(description.length).toBeLessThanOrEqual(40);
      expect(identifier.length).toBeLessThanOrEqual(20);
    }
  });

  test("an annotation has columns only within one line, and none before the first", () => {
    const [first] = brokenDigits.problems;
    if (first === undefined) throw new Error("no problem to show");
    expect(annotationOf(first)).toMatchObject({ startLine: 12, endLine: 12, startColumn: 14, endColumn: 14 });
    expect(annotationOf({ ...first, at: { ...first.at, end: { line: 12, column: 20 } } })).toMatchObject({
      endColumn: 19,
    });
    expect(annotationOf({ ...first, at: { ...first.at, end: { line: 14, column: 2 } } })).toMatchObject({
      endLine: 14,
      startColumn: null,
      endColumn: null,
    });
    expect(annotationOf({ ...first, at: { path: "a", line: 0, column: 0 } })).toMatchObject({
      startLine: 1,
      startColumn: 1,
    });
  });
});

const bits = [
  "@team",
  "@acme/ml",
  "<!--",
  "-->",
  STICKY_MARKER,
  "`",
  "```",
  "~~~",
  "|",
  "\n",
  "\r\n",
  "\n\n",
  "\u202e",
  "\u2067",
];
const more = [
  "<script>",
  "</details>",
  "<b>",
  "![x](http://e.vil/x)",
  "http://x.y",
  "/sluice promote prod",
  "#12",
  "a",
  " ",
  "\\",
  "*",
  "_",
];
const hostile = fc
  .array(fc.constantFrom(...bits, ...more), { minLength: 1, maxLength: 10 })
  .map((parts) => parts.join(""));

/** What Markdown reads as markup: fenced blocks and code spans taken out, escaped characters too. */
function outsideCode(markdown: string): string {
  const text = markdown.replace(/^(`{3,})[^`\n]*\n[\s\S]*?\n\1$/gm, "");
  return text.split("\n").map(outsideSpans).join("\n");
}

function outsideSpans(line: string): string {
  let kept = "";
  for (let at = 0; at < line.length; at++) {
    if (line[at] === "\\") {
      at++;
      kept += " ";
      continue;
    }
    const run = /^`+/.exec(line.slice(at))?.[0];
    if (run === undefined) {
      kept += line[at] ?? "";
      continue;
    }
    const end = [...line.slice(at + run.length).matchAll(/`+/g)].find((found) => found[0] === run);
    if (end !== undefined) at += run.length + end.index;
    at += run.length - 1;
  }
  return kept;
}

function harmless(markdown: string): void {
  const text = outsideCode(markdown);
  expect(text).not.toMatch(/(?<![\w`])@[A-Za-z0-9]/);
  expect(text).not.toMatch(/<(?!\/?(?:details|summary|sub|code)>)/);
  expect(text).not.toMatch(/-->/);
  expect(text).not.toMatch(/!\[/);
  // oxlint-disable-next-line no-misleading-character-class -- each of them alone turns the reading order
  expect(markdown).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/u);
}

test("whatever is called how, nobody is notified, nothing is hidden and nothing overflows", () => {
  fc.assert(
    fc.property(hostile, hostile, hostile, (name, message, line) => {
      const view: PlanView = {
        ...changedDigits,
        name,
        order: workOrder(name, [workStep(name), workStep("train")]),
        forecast: forecast(
          [{ step: name, verdict: { kind: "depends", on: [message], root: [message], changes: [] }, time: null }],
          [message],
        ),
        policies: [{ name: message, outcome: "warned", message: line }],
      };
      const problem = {
        severity: "error",
        code: "x",
        at: { path: name, line: 1, column: 1 },
        message,
        next: line,
      } as const;
      const broken: PlanView = { ...brokenDigits, name, problems: [problem] };
      const record: RunRecord = {
        ...failed,
        steps: [stepRecord(workStep(name), { kind: "failed", failure: { kind: "refused", why: message, next: line } })],
      };
      const shown = state({
        views: [view, broken],
        plan: {
          ...state().plan,
          frame: () => [line, message],
          others: { unchanged: [name], removed: [message] },
          pullRequest: { head: "a1b2c3d", base: "4e5f6a7", branch: line, revision: 2 },
        },
        runs: [
          {
            kind: "ended",
            record,
            baseline: null,
            evidence: { tail: () => [line, name], nearMiss: () => null, declared: () => null },
          },
          {
            kind: "under-way",
            run: run("r8x2"),
            pipeline: name,
            done: 0,
            total: 1,
            running: [message],
            began: "2026-01-01T00:00:00Z",
          },
          { kind: "waiting", run: run("r8x3"), pipeline: name, why: line },
        ],
        answers: [message, line],
      });
      const comment = stickyComment(shown);
      expect(comment.startsWith(`${STICKY_MARKER}\n`)).toBe(true);
      harmless(comment.slice(STICKY_MARKER.length));
      const plan = planCheckOutput(shown, ALL);
      harmless(plan.summary);
      harmless(plan.text);
      harmless(runCheckOutput(shown, ALL).summary);
    }),
    { numRuns: 150 },
  );
});

test("a comment and a check stay under GitHub's limits however much there is to say", () => {
  const text = fc.constantFrom("|@x".repeat(200), "\\`".repeat(300), "日本".repeat(200), "<!--".repeat(100));
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 24 }), fc.integer({ min: 0, max: 10 }), (name, count, runs) => {
      const steps = Array.from({ length: count }, (_, at) => workStep(`${at}${name}`));
      const problems = Array.from({ length: count }, (_, at) => ({
        severity: "warning" as const,
        code: "x",
        at: { path: name, line: at + 1, column: 1 },
        message: name,
        next: name,
      }));
      const view: PlanView = {
        ...changedDigits,
        name,
        problems,
        order: workOrder(name, steps),
        forecast: forecast(
          steps.map((step) => ({
            step: step.name,
            verdict: { kind: "depends", on: [name], root: [name], changes: [] },
            time: null,
          })),
        ),
      };
      const record: RunRecord = {
        ...finished,
        status: runs % 2 === 0 ? "succeeded" : "failed",
        metricSpecs: [],
        steps: steps.map((step) =>
          stepRecord(
            step,
            runs % 2 === 0
              ? {
                  kind: "succeeded",
                  result: changedDigits.order?.digest ?? finished.plan,
                  facts: { outputs: [], metrics: { [step.name]: 1 } },
                  isolation: "workspace",
                  cause: { kind: "first-run" },
                }
              : { kind: "failed", failure: { kind: "missing-output", paths: [name] } },
          ),
        ),
      };
      const shown = state({
        views: Array.from({ length: count }, () => view),
        plan: { ...state().plan, frame: () => Array.from({ length: 6 }, () => name) },
        runs: Array.from({ length: runs }, () => ({
          kind: "ended" as const,
          record,
          baseline: null,
          evidence: { tail: () => Array.from({ length: 50 }, () => name), nearMiss: () => null, declared: () => null },
        })),
        answers: Array.from({ length: runs }, () => name),
      });
      expect(stickyComment(shown).length).toBeLessThanOrEqual(COMMENT_LIMIT);
      expect(planCheckOutput(shown, ALL).text.length).toBeLessThanOrEqual(65_535);
      expect(runCheckOutput(shown, ALL).summary.length).toBeLessThanOrEqual(65_535);
    }),
    { numRuns: 3 },
  );
});
