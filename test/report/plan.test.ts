import { expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import type { Cause, Change, Verdict } from "../../src/plan/plan.ts";
import { causeSentence, changeSentence, verdictSentence } from "../../src/report/cause.ts";
import { ansiPaint, noPaint } from "../../src/report/paint.ts";
import { planJson } from "../../src/report/plan-json.ts";
import { planMarkdown, type PlanMarkdownOptions } from "../../src/report/plan-markdown.ts";
import { planText, type PlanTextOptions } from "../../src/report/plan-text.ts";
import type { PlanView } from "../../src/report/plan-view.ts";
import { markdownVoice, terminalVoice } from "../../src/report/voice.ts";
import { fourCharacters } from "../../src/report/words.ts";
import {
  brokenDigits,
  cached,
  changedDigits,
  evaluate,
  forecast,
  learningRate,
  finished,
  unchangedDigits,
  workOrder,
  workStep,
} from "./digits.ts";

const text: PlanTextOptions = {
  paint: noPaint,
  shortId: fourCharacters,
  slots: 2,
  frame: (problem) =>
    `${problem.at.path}:${problem.at.line}:${problem.at.column}: ${problem.message}\n  next: ${problem.next}\n`,
  rows: 30,
};
const markdown: PlanMarkdownOptions = {
  shortId: fourCharacters,
  slots: 2,
  frame: (problem) => [`> ${problem.at.line} | inputs: [build/trian.csv]`],
  pullRequest: { head: "a1b2c3d4e5f6", base: "4e5f6a7b8c9d", branch: "main", revision: 3 },
};

/** Everything at once: no time known, a removed step, effects, own changes after an upstream one. */
const mixed: PlanView = {
  ...changedDigits,
  name: "mixed",
  costUsd: null,
  policies: [],
  order: workOrder("mixed", [
    workStep("prepare", {}, { environment: null }),
    workStep("train", { prepare: ["build/train.csv", "build/test.csv"] }),
    workStep("report", { train: ["build/model.pkl"] }),
    workStep("publish", { report: [] }),
  ]),
  forecast: forecast(
    [
      { step: "prepare", verdict: { kind: "run", key: digestOf("p"), cause: { kind: "first-run" } }, time: null },
      {
        step: "train",
        verdict: { kind: "depends", on: ["prepare"], root: ["prepare"], changes: [learningRate] },
        time: { medianMs: 192_000, spreadMs: 8_000 },
      },
      {
        step: "report",
        verdict: { kind: "depends", on: ["train"], root: ["prepare", "train"], changes: [] },
        time: null,
      },
      {
        step: "publish",
        verdict: { kind: "withheld", why: "it changes the outside world: `--with-effects` runs it" },
        time: null,
      },
    ],
    ["plots"],
  ),
};

const many: PlanView = {
  ...unchangedDigits,
  name: "many",
  order: workOrder(
    "many",
    Array.from({ length: 60 }, (_, at) => workStep(`part-${at}`)),
  ),
  forecast: forecast(
    Array.from({ length: 60 }, (_, at) => ({
      step: `part-${at}`,
      verdict:
        at < 33
          ? ({ kind: "run", key: digestOf(String(at)), cause: { kind: "forced" } } as const)
          : cached(`part-${at}`),
      time: { medianMs: 1000, spreadMs: 0 },
    })),
  ),
};

test("the sticky comment's plan is the one of the interface", async () => {
  const comment = planMarkdown([changedDigits], markdown);
  expect(comment).toContain("### Sluice · `digits`: 1 step runs, 1 depends, 1 cached · about 45 s · $0.01\n");
  expect(comment).toContain("| ▶ | **train** | parameter `learning_rate` 0.1 → **0.05** | 42 s ± 3 |\n");
  expect(comment).toContain("| ◇ | evaluate | if `train` gives another `model.pkl` | 2 s |\n");
  expect(comment).toContain("| ✓ | prepare | from run `r4k7` | – |\n");
  expect(comment).toContain(
    "<summary>Graph · Parameters (1) · Code (0) · Data (0) · Policies (3 passed, 1 warning)</summary>",
  );
  expect(comment).toContain("**Next:** comment `/sluice run` to try it here, or merge to run it on `main`.\n");
  expect(comment).toMatch(
    /<sub>plan `[0-9a-f]{7}` for `a1b2c3d` onto `4e5f6a7` · 3rd revision · earlier plans in the check<\/sub>/,
  );
  await expect(comment).toMatchFileSnapshot("../golden/report/plan.md");
});

test("several pipelines: one section each, unchanged ones in one line", async () => {
  await expect(
    planMarkdown([changedDigits, mixed, unchangedDigits, { ...unchangedDigits, name: "pretrain" }], markdown),
  ).toMatchFileSnapshot("../golden/report/plan-several.md");
  await expect(
    planText([changedDigits, mixed, unchangedDigits, { ...unchangedDigits, name: "pretrain" }], text),
  ).toMatchFileSnapshot("../golden/report/plan-several.txt");
});

test("a plan with problems runs nothing and shows them", async () => {
  const comment = planMarkdown([brokenDigits], markdown);
  expect(comment).toContain("### Sluice · `digits`: 2 problems, nothing will run\n");
  await expect(comment).toMatchFileSnapshot("../golden/report/plan-problems.md");
  await expect(planText([brokenDigits], text)).toMatchFileSnapshot("../golden/report/plan-problems.txt");
});

test("a plan for a terminal", async () => {
  await expect(planText([changedDigits], { ...text, isolation: "workspace" })).toMatchFileSnapshot(
    "../golden/report/plan.txt",
  );
  await expect(planText([unchangedDigits], text)).toMatchFileSnapshot("../golden/report/plan-unchanged.txt");
  await expect(planText([many], text)).toMatchFileSnapshot("../golden/report/plan-many.txt");
  await expect(planMarkdown([many], markdown)).toMatchFileSnapshot("../golden/report/plan-many.md");
  expect(planMarkdown([unchangedDigits], { ...markdown, pullRequest: null })).toBe(
    "### Sluice · nothing to run\n\nUnchanged: `digits`\n",
  );
});

test("a comment never overflows, and its counts stay", () => {
  const path = "|".repeat(190);
  const order = workOrder(
    "wild",
    Array.from({ length: 400 }, (_, at) => workStep(`${path}${at}`)),
  );
  const steps = order.steps.map((step) => ({
    step: step.name,
    verdict: {
      kind: "run",
      key: digestOf(step.name),
      cause: { kind: "changed", changes: [{ kind: "input", path, change: "changed" }, learningRate] },
    } as const,
    time: null,
  }));
  const wild: PlanView = { ...changedDigits, name: "wild", order, forecast: forecast(steps) };
  const comment = planMarkdown([wild], markdown);
  expect(comment.length).toBeLessThan(60_000);
  expect(comment).toContain("400 steps run");
  const crowd = planMarkdown(
    Array.from({ length: 3_000 }, (_, at) => ({ ...wild, name: `${path}${at}` })),
    markdown,
  );
  expect(crowd.length).toBeLessThan(60_000);
  expect(crowd).toContain("more pipelines");
});

test("more cores than this machine has are said of the steps that may run, unless they run elsewhere", () => {
  const asking = (executor: "process" | "slurm"): PlanView => ({
    ...changedDigits,
    order: {
      ...changedDigits.order!,
      steps: changedDigits.order!.steps.map((work) => ({
        ...work,
        step: { ...work.step, executor, resources: { ...work.step.resources, cpu: work.name === "prepare" ? 1 : 99 } },
      })),
    },
  });

  expect(planText([asking("process")], { ...text, cpus: 2 })).toMatch(
    /\n {2}more cores are asked for than the 2 of this machine: train \(99\)/,
  );
  for (const [executor, cpus] of [
    ["process", 99],
    ["slurm", 2],
  ] as const)
    expect(planText([asking(executor)], { ...text, cpus })).not.toContain("more cores");
});

test("no colour unless it is handed in, and colours change no character", () => {
  const escape = String.fromCharCode(27);
  const plain = planText([changedDigits], text);
  const painted = planText([changedDigits], { ...text, paint: ansiPaint });
  expect(plain).not.toContain(escape);
  expect(painted).toContain(escape);
  expect(painted.replaceAll(new RegExp(`${escape}\\[[0-9]+m`, "g"), "")).toBe(plain);
});

test("a plan for programs", async () => {
  const json = planJson([changedDigits, mixed, brokenDigits], 2);
  expect(JSON.parse(json)).toMatchObject({
    version: 1,
    pipelines: [
      { name: "digits", summary: { run: 1, depends: 1, cached: 1, withheld: 0, removed: 0 } },
      {},
      { plan: null },
    ],
  });
  await expect(json).toMatchFileSnapshot("../golden/report/plan.json");
});

const changes: { readonly [Kind in Change["kind"]]: readonly (Change & { readonly kind: Kind })[] } = {
  command: [{ kind: "command", from: "a", to: "b" }],
  image: [{ kind: "image", from: null, to: `python@${digestOf("x")}` }],
  environment: [
    { kind: "environment", name: "environment", from: null, to: "venv" },
    { kind: "environment", name: "lock", from: digestOf("a"), to: digestOf("b") },
    { kind: "environment", name: "python", from: "3.11", to: "3.12" },
    { kind: "environment", name: "env.OMP_NUM_THREADS", from: "1", to: null },
  ],
  parameter: [
    learningRate,
    { kind: "parameter", name: "seed", from: undefined, to: 42 },
    { kind: "parameter", name: "seed", from: 42, to: undefined },
    { kind: "parameter", name: "mode", from: "1", to: 1 },
    { kind: "parameter", name: "mode", from: "fast", to: "very slow" },
    { kind: "parameter", name: "layers", from: [64, 32], to: Array.from({ length: 50 }, (_, at) => at) },
  ],
  input: [{ kind: "input", path: "src/train.mjs", change: "changed" }],
  upstream: [{ kind: "upstream", path: "build/model.pkl", step: "train" }],
  outputs: [{ kind: "outputs", from: "[]", to: '[["a","any"]]' }],
  metrics: [{ kind: "metrics", from: "[]", to: '["m.json"]' }],
  plots: [{ kind: "plots", from: "[]", to: '["p.csv"]' }],
  network: [{ kind: "network", from: "false", to: "true" }],
  secrets: [{ kind: "secrets", from: "[]", to: '["HF_TOKEN"]' }],
  salt: [{ kind: "salt", from: '""', to: '"2"' }],
  executor: [{ kind: "executor", from: '"process"', to: '"container"' }],
  platform: [{ kind: "platform", from: '["linux-x64",null]', to: '["linux-arm64","cuda"]' }],
  "key-version": [{ kind: "key-version", from: 1, to: 2 }],
};

const causes: { readonly [Kind in Cause["kind"]]: readonly Extract<Cause, { kind: Kind }>[] } = {
  "first-run": [{ kind: "first-run" }],
  changed: [
    { kind: "changed", changes: [] },
    { kind: "changed", changes: ["a", "b", "c", "d"].map((path) => ({ kind: "input", path, change: "added" })) },
    {
      kind: "changed",
      changes: [learningRate, ...changes.command, ...changes.input, ...changes.salt, ...changes.network],
    },
  ],
  forced: [{ kind: "forced" }],
  uncached: [
    { kind: "uncached", why: "cache: false" },
    { kind: "uncached", why: "effects" },
  ],
  evicted: [{ kind: "evicted" }],
  unfinished: [
    { kind: "unfinished" },
    { kind: "unfinished", failed: { run: finished.id, why: "it did not write `a|b`" } },
  ],
};

const verdicts: readonly Verdict[] = [
  cached("train"),
  { kind: "depends", on: ["train", "prepare"], root: ["train"], changes: [] },
  { kind: "depends", on: ["elsewhere"], root: ["elsewhere"], changes: [] },
  { kind: "depends", on: ["train"], root: ["train"], changes: [learningRate] },
  { kind: "withheld", why: "it changes the outside world: `--with-effects` runs it" },
];

test("every cause and change has its sentence", async () => {
  const lines = [terminalVoice(), markdownVoice].flatMap((voice) => [
    ...Object.values(changes)
      .flat()
      .map((change) => changeSentence(change, voice)),
    ...Object.values(causes)
      .flat()
      .map((cause) => causeSentence(cause, voice)),
    ...verdicts.map((verdict) => verdictSentence(verdict, { step: evaluate, shortId: fourCharacters }, voice)),
    "",
  ]);
  await expect(lines.join("\n")).toMatchFileSnapshot("../golden/report/causes.txt");
});
