import type { ShownPlot } from "./plot-markdown.ts";
import type { RunId } from "../identity/identity.ts";
import type { RunRecord } from "../run/run-record.ts";
import { ownWords } from "./cause.ts";
import { codeSpan } from "./escape-markdown.ts";
import { failedRun, hasFailed, type Evidence } from "./failed-run.ts";
import { failureMarkdown } from "./failure-markdown.ts";
import { fittedPlan, planMarkdown, type PlanMarkdownOptions } from "./plan-markdown.ts";
import type { PlanView } from "./plan-view.ts";
import { runMarkdown, type RunMarkdownOptions } from "./run-markdown.ts";
import { markdownVoice } from "./voice.ts";
import { counted, formatTime, type ShortId } from "./words.ts";

/**
 * By this line and by its author's App id the one comment of a pull request is found again. Anybody can write the
 * line, nobody else can be the App; text from outside cannot bring it about, because it is escaped.
 */
export const STICKY_MARKER = "<!-- sluice:pull-request -->";

/** A run of a pull request as its cockpit shows it. */
export type StickyRun =
  | { readonly kind: "waiting"; readonly run: RunId; readonly pipeline: string; readonly why: string }
  | {
      readonly kind: "under-way";
      readonly run: RunId;
      readonly pipeline: string;
      readonly done: number;
      readonly total: number;
      readonly running: readonly string[];
      /** RFC 3339 UTC: a comment stands for longer than a duration is true. */
      readonly began: string;
    }
  | {
      readonly kind: "ended";
      readonly record: RunRecord;
      readonly baseline: RunMarkdownOptions["baseline"];
      readonly evidence: Evidence;
      readonly plots?: readonly ShownPlot[];
    };

/** Everything that the cockpit of one pull request is made from. */
export interface StickyState {
  readonly views: readonly PlanView[];
  readonly plan: Omit<PlanMarkdownOptions, "most">;
  /** Newest first. */
  readonly runs: readonly StickyRun[];
  /** What commands were answered with: sentences in which backticks mark code. */
  readonly answers: readonly string[];
  /** What the change loses that takes the settings away, as such a sentence. */
  readonly lost?: string | null;
  /** Longer answers, as Markdown of our own making. */
  readonly shown?: readonly string[];
}

/** What sections of runs are made from. */
export interface RunsState {
  readonly runs: readonly StickyRun[];
  readonly plan: Pick<PlanMarkdownOptions, "shortId">;
}

/** A comment of GitHub holds 65,536 characters; we stay well below. */
export const COMMENT_LIMIT = 60_000;
const RUNS_SHARE = 26_000;
const RUNS_SHOWN = 8;
const ANSWERS_SHOWN = 5;

/** The comment of a pull request: answers, runs, then the plan; each part is shortened as a whole, never cut. */
export function stickyComment(state: StickyState): string {
  const above = [
    ...answerLines(state.answers),
    ...lostLines(state),
    ...shownBlocks(state),
    ...runSections(state, RUNS_SHARE),
  ];
  const head = [STICKY_MARKER, ...above].join("\n\n");
  const most = { characters: COMMENT_LIMIT - head.length - OVERFLOW.length - 4, rows: 0 };
  const plan = fittedPlan(state.views, { ...state.plan, most });
  return [head, ...(plan.shortened ? [OVERFLOW] : []), plan.text].join("\n\n");
}

const OVERFLOW = "This is shortened: the check `sluice / plan` shows more.";

/** The plan alone with as many rows as a check's text holds. */
export function wholePlan(state: StickyState, characters: number): string {
  return planMarkdown(state.views, { ...state.plan, most: { characters, rows: 400 } });
}

/** The runs' sections, newest first, together no longer than `characters`. */
export function runSections({ runs, plan }: RunsState, characters: number): readonly string[] {
  const shown = runs.slice(0, RUNS_SHOWN);
  const share = Math.floor(characters / Math.max(1, shown.length)) - 4;
  const sections = shown.map((run) => runSection(run, plan.shortId, share).trimEnd());
  return runs.length > shown.length
    ? [...sections, `… and ${counted(runs.length - shown.length, "earlier run")}`]
    : sections;
}

function runSection(run: StickyRun, shortId: ShortId, characters: number): string {
  switch (run.kind) {
    case "waiting":
      return `### Run ${codeSpan(shortId(run.run))} of ${codeSpan(run.pipeline)} · waiting: ${ownWords(run.why, markdownVoice)}`;
    case "under-way": {
      const now = run.running.slice(0, 3).map((step) => codeSpan(step, 60));
      const working = now.length === 0 ? "" : ` · now ${now.join(", ")}`;
      const title = `### Run ${codeSpan(shortId(run.run))} of ${codeSpan(run.pipeline)} · under way`;
      return `${title}\n\n${run.done} of ${counted(run.total, "step")} done${working} · begun ${formatTime(run.began)} UTC`;
    }
    case "ended": {
      const { record, baseline, evidence } = run;
      if (hasFailed(record)) return failureMarkdown(failedRun(record, evidence), { shortId, characters });
      return runMarkdown(record, { shortId, baseline, tail: evidence.tail, plots: run.plots ?? [], characters });
    }
  }
}

/** Each at most a share of the comment: what is longer is on the command line. */
export function shownBlocks({ shown = [] }: Pick<StickyState, "shown">): readonly string[] {
  return shown.slice(-SHOWN).map((block) => (block.length <= SHOWN_LIMIT ? block.trimEnd() : SHOWN_TOO_LONG));
}

const SHOWN = 2;
const SHOWN_LIMIT = 6_000;
const SHOWN_TOO_LONG = "> That is too long to be shown here: `sluice diff` and `sluice explain` print it.";

/** Above the plan, because a change of the settings may affect no pipeline. */
export function lostLines({ lost = null }: Pick<StickyState, "lost">): readonly string[] {
  return lost === null ? [] : answerLines([lost]);
}

/** The newest, where there may be ever more of them. */
export function answerLines(answers: readonly string[], most = ANSWERS_SHOWN): readonly string[] {
  return answers.slice(-most).map((words) => `> ${ownWords(words, markdownVoice)}`);
}
