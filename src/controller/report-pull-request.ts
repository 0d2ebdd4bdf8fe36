import type { Evidence } from "../report/failed-run.ts";
import type { ShownPlot } from "../report/plot-markdown.ts";
import type { Desired } from "../forge/desired.ts";
import type { Check } from "../forge/forge.ts";
import { renderProblem } from "../problem/frame.ts";
import { isError, type Problem } from "../problem/problem.ts";
import { planCheckOutput, runCheckOutput, type ButtonName, type CheckOutput } from "../report/check-output.ts";
import { isOfFork } from "../identity/identity.ts";
import { lostSettings } from "../pipeline/lost-settings.ts";
import type { Narrowed } from "../pipeline/narrow.ts";
import { leaveForForks } from "../policy/forks.ts";
import { judgePipeline } from "../policy/judge-pipeline.ts";
import type { PlanView } from "../report/plan-view.ts";
import { STICKY_MARKER, stickyComment, type StickyState } from "../report/sticky-comment.ts";
import { endedRun, openRun, type EndedRun, type OpenRun } from "../report/sticky-run.ts";
import { fourCharacters } from "../report/words.ts";
import type { RunRecord } from "../run/run-record.ts";
import { PLAN_CHECK, RUN_CHECK, type PlannedPipeline } from "./project.ts";

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
  readonly runs: readonly EndedRun[];
  /** Accepted runs at this head that have not ended. */
  readonly open: readonly OpenRun[];
  /** What is kept of failed steps, redacted. */
  readonly evidence: (run: RunRecord) => Evidence;
  /** Plots of a run that succeeded, with what their files hold. */
  readonly plots: (run: RunRecord) => readonly ShownPlot[];
  /** Text of a file at the head, for code frames. */
  readonly text: (path: string) => string | undefined;
  readonly slots: number;
  /** Of the default branch, and of the change where it touches them. */
  readonly rules: Narrowed;
  readonly proposed: Narrowed | null;
  /** Whether its merge changes the rules. */
  readonly changesRules: boolean;
  readonly domain: string;
  readonly labels: readonly string[];
  /** What commands were answered with: sentences, and longer answers as Markdown. */
  readonly answers: readonly string[];
  readonly shown: readonly string[];
}

/** The sticky comment and the checks of a pull request, as they should be; no comment where nothing is affected. */
export function reportPullRequest(report: PullRequestReport): readonly Desired[] {
  const quiet =
    report.affected.length + report.removed.length + report.problems.length + report.runs.length === 0 &&
    report.shown.length + report.open.length === 0;
  const state = stateOf(report);
  const silent = quiet && state.answers.length === 0 && state.lost === null;
  const offered = state.plan.pullRequest?.fork?.kind === "refused" ? OFFERED_ANYHOW : OFFERED;
  const runs = [...report.open.map(({ run }) => run), ...report.runs.map(({ record }) => record.id)].join(",");
  return [
    { kind: "comment", number: report.number, marker: STICKY_MARKER, body: silent ? null : stickyComment(state) },
    check(report, { name: PLAN_CHECK, externalId: report.digest }, planCheckOutput(state, offered)),
    ...(report.runs.length + report.open.length === 0
      ? []
      : [check(report, { name: RUN_CHECK, externalId: runs }, runCheckOutput(state, offered))]),
  ];
}

/** Buttons that somebody answers by now. */
const OFFERED: readonly ButtonName[] = ["plan", "run", "cancel", "retry"];
const OFFERED_ANYHOW: readonly ButtonName[] = ["plan", "cancel"];

function check(
  { head }: PullRequestReport,
  named: Pick<Check, "name" | "externalId">,
  output: CheckOutput,
): Extract<Desired, { kind: "check" }> {
  const status = output.conclusion === null ? "in_progress" : "completed";
  return { kind: "check", check: { head, ...named, status, ...output } };
}

function stateOf(report: PullRequestReport): StickyState {
  return {
    views: viewsOf(report),
    plan: {
      shortId: fourCharacters,
      slots: report.slots,
      frame: (problem) => frameOf(report, problem),
      others: { unchanged: report.unchanged, removed: report.removed },
      pullRequest: {
        head: report.head,
        base: report.onto,
        branch: report.baseBranch,
        revision: 1,
        ...(isOfFork(report.domain) && { fork: leaveForForks(report.rules) }),
      },
    },
    runs: [
      ...report.open.map(openRun),
      ...report.runs.map((run) =>
        endedRun(run, { label: report.baseBranch, evidence: report.evidence, plots: report.plots }),
      ),
    ],
    answers: [...report.answers, ...tooEarly(report)],
    lost: report.changesRules ? lostSettings(report.rules, report.proposed) : null,
    shown: report.shown,
  };
}

/** A label that asks for a release asks for a run of the default branch, and a fork's pull request has none before its merge. */
function tooEarly({ domain, labels }: PullRequestReport): readonly string[] {
  if (!isOfFork(domain)) return [];
  return labels
    .filter((label) => label.startsWith("promote:"))
    .map((label) => `\`${label}\` is refused: nothing that a fork made is ever promoted. Merge first, then put it on`);
}

function viewsOf(report: PullRequestReport): readonly PlanView[] {
  const { affected, problems } = report;
  const shown = new Set(affected.map((one) => one.file.path));
  const elsewhere = Map.groupBy(
    problems.filter((problem) => !shown.has(problem.at.path)),
    (problem) => problem.at.path,
  );
  // A warning about a file that several pipelines read breaks none of them: it is told with the first, if there is one.
  const alone = affected.length === 0;
  const broken = [...elsewhere].filter(([, list]) => alone || list.some(isError));
  const warnings = [...elsewhere].flatMap(([, list]) => (list.some(isError) ? [] : list));
  const views = affected.map((one, at): PlanView => {
    const { file, order, forecast } = one;
    const own = problems.filter((problem) => problem.at.path === file.path);
    const told = at === 0 ? [...own, ...warnings] : own;
    return { name: file.pipeline.name, path: file.path, order, forecast, ...judgementOf(report, one, told) };
  });
  const without = broken.map(([path, list]): PlanView => {
    return { name: path, path, order: null, forecast: null, problems: list, costUsd: null, policies: [] };
  });
  return [...without, ...views];
}

/** What the rules say of a pipeline, beside the problems that it has anyhow. */
function judgementOf(
  report: PullRequestReport,
  { file, order, forecast }: PlannedPipeline,
  problems: readonly Problem[],
): Pick<PlanView, "problems" | "costUsd" | "policies" | "shadow"> {
  if (order === null || forecast === null) return { problems, costUsd: null, policies: [] };
  const fork = isOfFork(report.domain);
  const { owner } = file.pipeline;
  const judged = judgePipeline(report, { order, forecast, owner, fork, slots: report.slots });
  return { ...judged, problems: [...problems, ...judged.problems] };
}

function frameOf(report: PullRequestReport, problem: Problem): readonly string[] {
  const rendered = renderProblem(problem, report.text(problem.at.path), { color: false }).trimEnd().split("\n");
  return rendered.slice(1, -1);
}
