import type { Desired } from "../forge/desired.ts";
import type { CommitSha } from "../identity/identity.ts";
import type { Problem } from "../problem/problem.ts";
import { brokenCheckOutput, BUTTONS, runCheckOutput, stoppedCheckOutput } from "../report/check-output.ts";
import { codeSpan } from "../report/escape-markdown.ts";
import { divergenceMarkdown, MERGE_MARKER, mergeComment, type MergeReview } from "../report/merge-markdown.ts";
import type { Evidence } from "../report/failed-run.ts";
import type { ShownPlot } from "../report/plot-markdown.ts";
import { safeLine } from "../report/safe-text.ts";
import type { StickyRun } from "../report/sticky-comment.ts";
import { endedRun, openRun, type EndedRun, type OpenRun } from "../report/sticky-run.ts";
import { fourCharacters } from "../report/words.ts";
import type { RunRecord } from "../run/run-record.ts";
import { RUN_CHECK } from "./project.ts";

/** Everything that is told of a commit that no pull request is open for. */
export interface CommitReport {
  readonly commit: CommitSha;
  readonly branch: string;
  /** The pull request whose merge it is. */
  readonly merge: { readonly number: number; readonly review: MergeReview } | null;
  /** Newest recorded run of each pipeline there, with the run before it on the branch. */
  readonly runs: readonly EndedRun[];
  readonly open: readonly OpenRun[];
  /** Pipelines that do not run there, with the run that stands for the commit; null: it waits for a person. */
  readonly standing: readonly { readonly pipeline: string; readonly run: RunRecord["id"] | null }[];
  /** Errors in its files, where it is the tip of the branch: what they stand in is not run. */
  readonly problems: readonly Problem[];
  /** What is kept of failed steps, redacted. */
  readonly evidence: (run: RunRecord) => Evidence;
  readonly plots: (run: RunRecord) => readonly ShownPlot[];
  /** What commands at the merged pull request were answered with: sentences, and longer answers as Markdown. */
  readonly answers: readonly string[];
  readonly shown: readonly string[];
  /** A comment about the merge stands already: it is kept true. */
  readonly told: boolean;
}

/**
 * The check of a commit's runs, and on failure or divergence one comment at the merged pull request; nothing where no
 * pipeline is concerned.
 */
export function reportCommit(report: CommitReport): readonly Desired[] {
  const runs: readonly StickyRun[] = [
    ...report.open.map(openRun),
    ...report.runs.map((run) =>
      endedRun(run, { label: report.branch, evidence: report.evidence, plots: report.plots }),
    ),
  ];
  const waiting = report.standing.filter(({ run }) => run === null);
  const count = runs.length + report.standing.length + report.problems.length;
  const check = count === 0 ? [] : [checkOf(report, runs, waiting.length > 0)];
  return [...check, ...commentOf(report, runs)];
}

function checkOf(report: CommitReport, runs: readonly StickyRun[], waits: boolean): Desired {
  const output = runCheckOutput({ runs, plan: { shortId: fourCharacters } }, ["cancel", "retry"]);
  const review = report.merge?.review;
  const lines = report.standing.map(({ pipeline, run }) =>
    run === null
      ? `${codeSpan(pipeline)} waits for a person`
      : `${codeSpan(pipeline)} is unchanged since run ${codeSpan(fourCharacters(run))}`,
  );
  const parts = [review === undefined ? "" : divergenceMarkdown(review), runs.length === 0 ? "" : output.summary];
  const summary = [...parts, lines.slice(0, MOST).join("\n\n")].filter((part) => part !== "").join("\n\n");
  const ended = runs.length === 0 ? "success" : output.conclusion;
  // What goes on is told until it has ended.
  const broken = report.problems.length > 0 && ended !== null && !waits;
  const conclusion = waits ? "action_required" : broken ? "failure" : ended;
  const [first] = report.standing;
  const still =
    first === undefined || first.run === null || report.standing.length > 1
      ? "unchanged"
      : `${first.pipeline}: unchanged since run ${fourCharacters(first.run)}`;
  const title = waits ? "waits: this is not what was reviewed" : runs.length === 0 ? still : output.title;
  return {
    kind: "check",
    check: {
      ...output,
      head: report.commit,
      name: RUN_CHECK,
      status: conclusion === null ? "in_progress" : "completed",
      conclusion,
      title: safeLine(review !== undefined && review.kind !== "same" && !waits ? `${title} (not as reviewed)` : title),
      summary: `${summary}\n`,
      actions: waits ? [BUTTONS.run] : output.actions,
      ...(broken && brokenCheckOutput(report.problems, summary)),
      externalId: [...report.open.map(({ run }) => run), ...report.runs.map(({ record }) => record.id)].join(","),
    },
  };
}

/** Settings that cannot be read stop a branch, and its tip's check says so. */
export function reportStopped(commit: CommitSha, problems: readonly Problem[]): Desired {
  const output = stoppedCheckOutput(problems);
  return { kind: "check", check: { head: commit, name: RUN_CHECK, status: "completed", externalId: "", ...output } };
}

const MOST = 50;
const BAD: readonly RunRecord["status"][] = ["failed", "refused", "abandoned"];

/** People are told at the pull request what they would not look for: a failure, a divergence, an answer. */
function commentOf(report: CommitReport, runs: readonly StickyRun[]): readonly Desired[] {
  const { merge, answers, shown, commit } = report;
  if (merge === null) return [];
  const bad = report.runs.some(({ record }) => BAD.includes(record.status));
  if (!bad && merge.review.kind === "same" && answers.length + shown.length === 0 && !report.told) return [];
  const body = mergeComment({ runs, plan: { shortId: fourCharacters }, review: merge.review, answers, shown, commit });
  return [{ kind: "comment", number: merge.number, marker: MERGE_MARKER, body }];
}
