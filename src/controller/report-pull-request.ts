import type { Desired } from "../forge/desired.ts";
import type { Annotation, Check } from "../forge/forge.ts";
import { diffRuns } from "../diff/run-diff.ts";
import { renderProblem } from "../problem/frame.ts";
import { isError, type Problem } from "../problem/problem.ts";
import { failedRun } from "../report/failed-run.ts";
import { failureMarkdown } from "../report/failure-markdown.ts";
import { planMarkdown } from "../report/plan-markdown.ts";
import { headline, type PlanView } from "../report/plan-view.ts";
import { runMarkdown } from "../report/run-markdown.ts";
import { counted, fourCharacters } from "../report/words.ts";
import type { RunRecord } from "../run/run-record.ts";
import type { PlannedPipeline } from "./project.ts";

export const PLAN_CHECK = "sluice / plan";
export const RUN_CHECK = "sluice / run";
const MARKER = "<!-- sluice:pull-request -->";
/** GitHub takes 65,535 characters; some are left for what is added around. */
const TEXT_LIMIT = 60_000;

/** Everything that the cockpit of a pull request is made from. */
export interface PullRequestReport {
  readonly number: number;
  readonly head: Check["head"];
  readonly onto: string;
  readonly baseBranch: string;
  readonly affected: readonly PlannedPipeline[];
  readonly unchanged: readonly string[];
  readonly removed: readonly string[];
  readonly problems: readonly Problem[];
  readonly digest: string;
  /** Newest recorded run of each affected pipeline at this head, with the run it is compared with. */
  readonly runs: readonly { readonly record: RunRecord; readonly baseline: RunRecord | null }[];
  /** Last lines of a failed step's log, redacted. */
  readonly tail: (run: RunRecord, step: string) => readonly string[];
  /** Text of a file at the head, for code frames. */
  readonly text: (path: string) => string | undefined;
  readonly slots: number;
  /** What commands were answered with words. */
  readonly answers: readonly string[];
}

/** The sticky comment and the checks of a pull request, as they should be; no comment where nothing is affected. */
export function reportPullRequest(report: PullRequestReport): readonly Desired[] {
  const silent =
    report.affected.length + report.removed.length + report.problems.length + report.runs.length === 0 &&
    report.answers.length === 0;
  const body = silent ? null : `${MARKER}\n${comment(report)}`;
  return [
    { kind: "comment", number: report.number, marker: MARKER, body },
    { kind: "check", check: planCheck(report) },
    ...(report.runs.length === 0 ? [] : [{ kind: "check" as const, check: runCheck(report) }]),
  ];
}

function comment(report: PullRequestReport): string {
  const runs = report.runs.map((run) => runSection(report, run));
  return [...report.answers, ...runs, planSection(report)].join("\n\n");
}

function planSection(report: PullRequestReport): string {
  return planMarkdown(viewsOf(report), {
    shortId: fourCharacters,
    slots: report.slots,
    frame: (problem) => frameOf(report, problem),
    pullRequest: { head: report.head, base: report.onto, branch: report.baseBranch, revision: 1 },
  });
}

function viewsOf({ affected, problems }: PullRequestReport): readonly PlanView[] {
  const views = affected.map((one): PlanView => ({
    name: one.file.pipeline.name,
    path: one.file.path,
    order: one.order,
    forecast: one.forecast,
    problems: problems.filter((problem) => problem.at.path === one.file.path),
    costUsd: null,
    policies: [],
  }));
  const shown = new Set(views.map((view) => view.path));
  const elsewhere = Map.groupBy(
    problems.filter((problem) => !shown.has(problem.at.path)),
    (problem) => problem.at.path,
  );
  const broken = [...elsewhere].map(([path, list]): PlanView => ({
    name: path,
    path,
    order: null,
    forecast: null,
    problems: list,
    costUsd: null,
    policies: [],
  }));
  return [...broken, ...views];
}

function frameOf(report: PullRequestReport, problem: Problem): readonly string[] {
  const rendered = renderProblem(problem, report.text(problem.at.path), { color: false }).trimEnd().split("\n");
  return rendered.slice(1, -1);
}

function runSection(report: PullRequestReport, { record, baseline }: PullRequestReport["runs"][number]): string {
  if (record.status === "failed") {
    const failed = failedRun(record, { tail: (step) => report.tail(record, step), nearMiss: () => null });
    return failureMarkdown(failed, { shortId: fourCharacters });
  }
  return runMarkdown(record, {
    shortId: fourCharacters,
    baseline: baseline === null ? null : { diff: diffRuns(baseline, record), label: report.baseBranch },
    tail: (step) => report.tail(record, step),
  });
}

function planCheck(report: PullRequestReport): Check {
  const errors = report.problems.filter(isError);
  const views = viewsOf(report);
  const title =
    errors.length > 0
      ? `${counted(errors.length, "problem")}, nothing will run`
      : report.affected.length + report.removed.length === 0
        ? "no pipeline is affected"
        : views.length === 1
          ? headline(views[0] as PlanView, report.slots)
          : `${counted(report.affected.length, "pipeline")} affected`;
  return {
    head: report.head,
    name: PLAN_CHECK,
    status: "completed",
    conclusion: errors.length > 0 ? "failure" : "success",
    title: title.slice(0, 200),
    summary: bounded(views.length === 0 ? "Nothing that a pipeline reads has changed." : planSection(report)),
    text: "",
    annotations: report.problems.slice(0, 500).map(annotationOf),
    actions: [{ label: "Plan again", description: "Reads the pull request once more", identifier: "plan" }],
    externalId: report.digest,
  };
}

/** The check of a run that no pull request asked for, on the commit that it ran. */
export function reportRun(record: RunRecord): Desired {
  const summary = bounded(
    record.status === "failed"
      ? failureMarkdown(failedRun(record, { tail: () => [], nearMiss: () => null }), { shortId: fourCharacters })
      : runMarkdown(record, { shortId: fourCharacters, baseline: null, tail: () => [] }),
  );
  return {
    kind: "check",
    check: {
      head: record.source,
      name: `${RUN_CHECK} (${record.pipeline.name})`.slice(0, 100),
      status: "completed",
      conclusion: record.status === "succeeded" ? "success" : "failure",
      title: `${record.pipeline.name}: ${record.status}`.slice(0, 200),
      summary,
      text: "",
      annotations: [],
      actions: [],
      externalId: record.id,
    },
  };
}

function runCheck(report: PullRequestReport): Check {
  const failed = report.runs.filter(({ record }) => record.status !== "succeeded");
  return {
    head: report.head,
    name: RUN_CHECK,
    status: "completed",
    conclusion: failed.length > 0 ? "failure" : "success",
    title: report.runs
      .map(({ record }) => `${record.pipeline.name}: ${record.status}`)
      .join(", ")
      .slice(0, 200),
    summary: bounded(report.runs.map((run) => runSection(report, run)).join("\n\n")),
    text: "",
    annotations: [],
    actions: [],
    externalId: report.runs.map(({ record }) => record.id).join(","),
  };
}

function bounded(markdown: string): string {
  return markdown.length <= TEXT_LIMIT ? markdown : `${markdown.slice(0, TEXT_LIMIT)}\n\n… (cut)`;
}

function annotationOf({ at, severity, message, next }: Problem): Annotation {
  const oneLine = at.end === undefined || at.end.line === at.line;
  return {
    path: at.path,
    startLine: at.line,
    endLine: at.end?.line ?? at.line,
    startColumn: oneLine ? at.column : null,
    endColumn: oneLine ? (at.end?.column ?? at.column) : null,
    level: severity === "error" ? "failure" : "warning",
    title: message.slice(0, 200),
    message: `${message}\nnext: ${next}`.slice(0, 60_000),
  };
}
