import { expect, test } from "vitest";

import { failedRun, type FailedRun } from "../../src/report/failed-run.ts";
import { failureMarkdown } from "../../src/report/failure-markdown.ts";
import { failureText } from "../../src/report/failure.ts";
import { noPaint } from "../../src/report/paint.ts";
import { fourCharacters } from "../../src/report/words.ts";
import { declaredStep, type DeclaredStep } from "../../src/run/declared-step.ts";
import { nearMiss, pathsOf } from "../../src/run/near-miss.ts";
import type { Failure, RunRecord } from "../../src/run/run-record.ts";
import { attempt, evaluate, finished, profile, run, stepRecord, train, workStep } from "./digits.ts";

const failures: { readonly [Kind in Failure["kind"]]: readonly Extract<Failure, { kind: Kind }>[] } = {
  exit: [1, 126, 127, 137].map((code) => ({ kind: "exit", code })),
  signal: ["SIGKILL", "SEGV", "SIGUSR1"].map((signal) => ({ kind: "signal", signal })),
  timeout: [{ kind: "timeout", limitMs: 1_800_000 }],
  oom: [
    { kind: "oom", limitBytes: 2 * 1024 ** 3, peakBytes: 2 * 1024 ** 3 },
    { kind: "oom", limitBytes: 512 * 1024 ** 2, peakBytes: null },
    { kind: "oom", limitBytes: null, peakBytes: null },
  ],
  lost: [{ kind: "lost", why: "the worker ended" }],
  "missing-output": [
    { kind: "missing-output", paths: ["build/model.pkl"] },
    { kind: "missing-output", paths: ["a", "b", "c", "d", "e"] },
  ],
  "wrong-output": [{ kind: "wrong-output", path: "build/model", why: "it is declared as a directory and is a file" }],
  "undeclared-write": [
    { kind: "undeclared-write", paths: ["build/extra.csv", "tmp.txt"] },
    { kind: "undeclared-write", paths: ["build/modell.pkl"], missing: ["build/model.pkl"] },
  ],
  "changed-dataset": [{ kind: "changed-dataset", dataset: "raw", path: "data/digits.csv" }],
  "disk-full": [
    { kind: "disk-full", path: "build/model.pkl" },
    { kind: "disk-full", path: "." },
  ],
  environment: [
    {
      kind: "environment",
      name: "python",
      expected: "3.11",
      found: "3.12.3",
      line: 'write `tools: { python: "3.12" }`',
    },
  ],
  "bad-metrics": [{ kind: "bad-metrics", path: "reports/metrics.json", why: "line 3 is no JSON" }],
  gate: [{ kind: "gate", metric: "accuracy", value: "0.91", gate: ">= 0.95" }],
  refused: [
    {
      kind: "refused",
      why: "the secret `HF_TOKEN` is not granted",
      next: "add `HF_TOKEN` to `secrets:` in `sluice.yaml`",
    },
  ],
};

function failed(failure: Failure): FailedRun {
  return {
    run: run("r8x2"),
    pipeline: "digits",
    failed: [
      {
        step: "train",
        failure,
        afterMs: 192_000,
        attempts: 1,
        tail: ["epoch 3", "Traceback (most recent call last):"],
        nearMiss: null,
        declared: null,
      },
    ],
    gates: [],
    kept: ["prepare"],
    notStarted: [
      { step: "evaluate", because: "train" },
      { step: "publish", because: "train" },
    ],
    cancelled: [],
  };
}

const text = { paint: noPaint, shortId: fourCharacters };

test("the headline of a run out of memory is the one of the interface", () => {
  const comment = failureMarkdown(failed(failures.oom[0]!), text);
  expect(comment.split("\n")[0]).toBe(
    "### Run `r8x2` · failed in `train` after 3 min 12 s: out of memory at 2.0 GiB of 2 GiB",
  );
  expect(comment).toContain("**Next:** raise `resources.memory` of `train`, or `/sluice retry`.\n");
});

test("every failure has its own sentence and its own next action", async () => {
  const all = Object.values(failures).flat();
  await expect(all.map((failure) => failureText(failed(failure), text)).join("\n")).toMatchFileSnapshot(
    "../golden/report/failures.txt",
  );
  await expect(all.map((failure) => failureMarkdown(failed(failure), text)).join("\n")).toMatchFileSnapshot(
    "../golden/report/failures.md",
  );
  const headlines = all.map((failure) => failureText(failed(failure), text).split("\n")[0]);
  expect(new Set(headlines).size).toBe(all.length);
});

test("a near miss shows the line to write", async () => {
  const near: FailedRun = {
    ...failed({ kind: "exit", code: 1 }),
    failed: [
      {
        step: "train",
        failure: { kind: "exit", code: 1 },
        afterMs: 2_000,
        attempts: 2,
        tail: ["ModuleNotFoundError: No module named 'features'"],
        declared: null,
        nearMiss: {
          path: "src/features.py",
          step: null,
          inputs: ["build/train.csv", "src/train.py", "src/features.py"],
        },
      },
      {
        step: "plot",
        failure: { kind: "exit", code: 2 },
        afterMs: null,
        attempts: 1,
        tail: [],
        declared: null,
        nearMiss: {
          path: "build/test.csv",
          step: "prepare",
          inputs: Array.from({ length: 12 }, (_, at) => `build/part-${at}.csv`),
        },
      },
    ],
    cancelled: ["report"],
  };
  await expect(failureText(near, text)).toMatchFileSnapshot("../golden/report/near-miss.txt");
  await expect(failureMarkdown(near, text)).toMatchFileSnapshot("../golden/report/near-miss.md");
});

const at = { at: [1, 1, 1, 1] as const, optional: false, code: false };

test("of data beside git a near miss names the dataset that it is, or how to name one; tools keep theirs", () => {
  const datasets = [
    { name: "raw", at: at.at, optional: false, kind: "path", path: "data", uri: null, pin: null },
  ] as const;
  const exists = pathsOf([], () => false, { datasets, isIgnored: (path) => !path.endsWith("pyvenv.cfg") });

  expect(exists("data/a.csv")).toEqual({ step: null, dataset: { name: "raw", declared: true } });
  expect(exists("other/My file.v1.csv")).toEqual({ step: null, dataset: { name: "My-file", declared: false } });
  expect(exists(".cache/x")).toBeUndefined();
  expect(exists(".venv/bin/python")).toBeUndefined();
  const miss = nearMiss("cat: data/a.csv: No such file or directory", exists, { read: [], declared: [] });
  expect(miss?.inputs).toEqual(["dataset:raw"]);
  const kept = { read: ["data"], declared: [] };
  expect(nearMiss("cat: data/a.csv: No such file or directory", exists, kept)?.inputs).toEqual(["dataset:raw"]);
  const named = { read: ["data", "data/a.csv"], declared: [] };
  expect(nearMiss("cat: data/a.csv: No such file or directory", exists, named)).toBeUndefined();
});

test.each([
  ["cat: my data.csv: No such file or directory", "my data.csv"],
  ["bash: line 1: my data.csv: No such file or directory", "my data.csv"],
  ["ls: cannot access 'my data.csv': No such file or directory", "my data.csv"],
  ["head: cannot open 'my data.csv' for reading: No such file or directory", "my data.csv"],
  ["sort: cannot read: my data.csv: No such file or directory", "my data.csv"],
  ["FileNotFoundError: [Errno 2] No such file or directory: 'my data.csv'", "my data.csv"],
  ["Error: ENOENT: no such file or directory, open 'my data.csv'", "my data.csv"],
  ["cannot open file 'my data.csv': No such file or directory", "my data.csv"],
  ["sh: 1: cannot open a.txt: No such file", "a.txt"],
])("a log that says %j names a file", (log, path) => {
  const exists = (asked: string): { step: null } | undefined => (asked === path ? { step: null } : undefined);
  const declared = [
    { ...at, kind: "glob", glob: "src/**" },
    { ...at, kind: "glob", glob: "x*", optional: true },
    { ...at, kind: "exclude", glob: "src/x" },
    { ...at, kind: "dataset", dataset: "raw" },
    { ...at, kind: "path", path: "lib", code: true },
  ] as const;
  const miss = nearMiss(log, exists, { read: ["src/a.py", "src/b.py", "data/raw.csv", "lib"], declared });
  const item = path.includes(" ") ? `"${path}"` : path;
  expect(miss).toEqual({
    path,
    step: null,
    inputs: ['"src/**"', '{ glob: "x*", optional: true }', '"!src/x"', "dataset:raw", item],
  });
  expect(nearMiss(log, exists, { read: [path], declared })).toBeUndefined();
});

test("a failed run is read from its record", () => {
  const oom: Failure = { kind: "oom", limitBytes: null, peakBytes: null };
  const record: RunRecord = {
    ...finished,
    status: "failed",
    steps: [
      finished.steps[0]!,
      stepRecord(
        train,
        { kind: "failed", failure: oom },
        { attempts: [attempt(1_000), { ...attempt(5_000), attempt: 2, failure: oom }] },
      ),
      stepRecord(evaluate, { kind: "not-started", because: "train" }),
      stepRecord(
        workStep("fetch"),
        { kind: "failed", failure: { kind: "refused", why: "no", next: "yes" } },
        { attempts: [{ ...attempt(0), profile: profile(0) }] },
      ),
      stepRecord(workStep("slow"), { kind: "cancelled" }),
      stepRecord(workStep("publish"), { kind: "withheld", why: "effects" }),
    ],
  };
  expect(failedRun(record, { tail: (step) => [`${step} said`], nearMiss: () => null, declared: () => null })).toEqual({
    run: finished.id,
    pipeline: "digits",
    failed: [
      {
        step: "fetch",
        failure: { kind: "refused", why: "no", next: "yes" },
        afterMs: null,
        attempts: 1,
        tail: ["fetch said"],
        nearMiss: null,
        declared: null,
      },
      {
        step: "train",
        failure: oom,
        afterMs: 5_000,
        attempts: 2,
        tail: ["train said"],
        nearMiss: null,
        declared: null,
      },
    ],
    gates: [],
    kept: ["prepare"],
    notStarted: [{ step: "evaluate", because: "train" }],
    cancelled: ["slow"],
  });
});

test("a log cannot move the cursor, close its block or become longer than its window", () => {
  const escape = String.fromCharCode(27);
  const tail = [
    ...Array.from({ length: 50 }, (_, at) => `line ${at}`),
    `${escape}[2J${escape}]0;title${String.fromCharCode(7)}red`,
    "```",
    "</details>",
    "a\rb",
    "x".repeat(9_000),
  ];
  const hostile: FailedRun = {
    ...failed({ kind: "exit", code: 1 }),
    failed: [{ ...failed({ kind: "exit", code: 1 }).failed[0]!, tail }],
  };
  const shown = failureText(hostile, text);
  expect(shown).not.toContain(escape);
  expect(shown).toContain("│ red\n");
  expect(shown).not.toContain("line 30\n");
  const comment = failureMarkdown(hostile, text);
  expect(comment).toContain("\n````\n");
  expect(comment.length).toBeLessThan(4_000);
});

test("a gate that stopped what follows is the headline, with what to do about it", () => {
  const gate = { kind: "gate", metric: "accuracy", value: "0.5", gate: ">= 0.9" } as const;

  const said = failureText({ ...failed(gate), failed: [], gates: [{ step: "train", failure: gate }] }, text);

  expect(said).toMatch(/^✗ Run r8x2 stopped after train: accuracy is 0\.5 and misses its gate ≥ 0\.9\n/);
  expect(said).toContain("Next: improve it, or change `gate:` of `accuracy`, then `sluice run`\n");
});

const reader: DeclaredStep = { read: ["d.csv", "data"], outputs: ["a", "{ path: b, type: model }"], closed: true };

function failedWith(failure: Failure, tail: readonly string[], declared: DeclaredStep | null): FailedRun {
  const run = failed(failure);
  return { ...run, failed: [{ ...run.failed[0]!, tail, declared }] };
}

test.each([
  "curl: (6) Could not resolve host: example.org",
  "wget: unable to resolve host address 'example.org'",
  "urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>",
  "socket.gaierror: [Errno -2] Name or service not known",
  "Error: getaddrinfo EAI_AGAIN example.org",
  "Error: getaddrinfo ENOTFOUND example.org",
  "connect: Network is unreachable",
])("a closed step whose log says %j is told how to get the network", (line) => {
  const words = "`train` has no network: add `network: true` to it, or declare the data as a dataset with `uri:`, then";
  const closed = failedWith({ kind: "exit", code: 6 }, [line], reader);
  const open = failedWith({ kind: "exit", code: 6 }, [line], { ...reader, closed: false });

  expect(failureText(closed, text)).toContain(`Next: ${words} \`sluice run\``);
  expect(failureMarkdown(closed, text)).toContain(`**Next:** ${words} push.`);
  expect(failureText(open, text)).not.toContain("network: true");
});

test("a step is closed where its walls are and it did not ask for the network", () => {
  const work = workStep("fetch");
  const of = (step: Partial<typeof work.step>, isolation: "sandbox" | "workspace" | null): boolean =>
    declaredStep({ ...work, step: { ...work.step, ...step } }, isolation).closed;

  expect([of({}, "sandbox"), of({ executor: "container" }, null), of({ executor: "kubernetes" }, null)]).toEqual([
    true,
    true,
    true,
  ]);
  expect([
    of({}, "workspace"),
    of({}, null),
    of({ network: true }, "sandbox"),
    of({ executor: "slurm" }, null),
  ]).toEqual([false, false, false, false]);
});

test("a step that changed its input is never told to declare it as an output", () => {
  const said = failureText(failedWith({ kind: "undeclared-write", paths: ["d.csv", "data/x"] }, [], reader), text);
  const more = failureText(failedWith({ kind: "undeclared-write", paths: ["d.csv", "e"] }, [], reader), text);

  expect(said).toContain("failed in train after 3 min 12 s: it changed its inputs d.csv and data\n");
  expect(said).toContain(
    "Next: let `train` write elsewhere than to `d.csv` and `data` and declare that in `outputs:`, then `sluice run`",
  );
  expect(said).not.toContain("Where it is meant");
  expect(more).toContain("it changed its input d.csv; besides, it wrote e, which it does not declare\n");
});

test("an undeclared write shows the line to paste, unless it is rather a slip", () => {
  const written = { kind: "undeclared-write", paths: ["build/clean.json"] } as const;
  const line = "outputs: [a, { path: b, type: model }, build/clean.json]";

  expect(failureText(failedWith(written, [], reader), text)).toContain(
    `  Where it is meant to be kept, declare it:\n\n      ${line}\n\n  or let \`sluice run --fix\` write that line\n`,
  );
  expect(failureMarkdown(failedWith(written, [], reader), text)).toContain(`\`\`\`yaml\n${line}\n`);
  const slip = { ...written, missing: ["a"] };
  expect(failureText(failedWith(slip, [], reader), text)).not.toContain("outputs: [");
});

test("what was just written into the file is not asked for again", () => {
  const run = failedWith({ kind: "undeclared-write", paths: ["build/clean.json"] }, [], reader);
  const said = failureText(run, { ...text, fixed: { path: "pipelines/p.yaml", steps: new Set(["train"]) } });

  expect(said).toContain("  pipelines/p.yaml has that line now\n");
  expect(said).toContain("Next: `sluice run`\n");
  expect(said).not.toContain("--fix");
});
