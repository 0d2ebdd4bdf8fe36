import { isError, type Problem } from "../problem/problem.ts";
import type { RunStatus } from "../run/run-record.ts";
import { formatDuration } from "./duration.ts";
import { codeSpan, markdownText } from "./escape-markdown.ts";
import { countsOf, headline, isUnchanged } from "./plan-view.ts";
import { safeLine } from "./safe-text.ts";
import {
  lostLines,
  runSections,
  wholePlan,
  type RunsState,
  type StickyRun,
  type StickyState,
} from "./sticky-comment.ts";
import { counted } from "./words.ts";

/** What a check shows, as the forge takes it; it is complete where the comment had to be shortened. */
export interface CheckOutput {
  /** Null while it is under way. */
  readonly conclusion: "success" | "failure" | "neutral" | "cancelled" | "skipped" | null;
  readonly title: string;
  readonly summary: string;
  readonly text: string;
  readonly annotations: readonly ProblemAnnotation[];
  readonly actions: readonly CheckButton[];
}

export interface ProblemAnnotation {
  readonly path: string;
  readonly startLine: number;
  readonly endLine: number;
  readonly startColumn: number | null;
  readonly endColumn: number | null;
  readonly level: "warning" | "failure";
  readonly title: string;
  readonly message: string;
}

/** Label and identifier of at most 20 characters, a description of at most 40 (GitHub's limits). */
export interface CheckButton {
  readonly label: string;
  readonly description: string;
  readonly identifier: string;
}

/** Buttons that a service can offer. */
export const BUTTONS = {
  plan: { label: "Plan again", description: "Reads the pull request once more", identifier: "plan" },
  run: { label: "Run", description: "Runs this plan for the pull request", identifier: "run" },
  cancel: { label: "Cancel", description: "Stops the run of this pull request", identifier: "cancel" },
  retry: { label: "Retry", description: "Runs again what did not succeed", identifier: "retry" },
} as const satisfies Readonly<Record<string, CheckButton>>;

export type ButtonName = keyof typeof BUTTONS;

/** GitHub refuses 65,536 characters of summary or text. */
const CHARACTERS = 65_000;
const TITLE = 200;
/** GitHub shows few, and keeps those of every call: the others stand in the text. */
const ANNOTATIONS = 200;

/** `sluice / plan`: failed by problems and by denied policies; always there, also where nothing is affected. */
export function planCheckOutput(state: StickyState, offered: readonly ButtonName[]): CheckOutput {
  const problems = state.views.flatMap((view) => view.problems);
  const denied = state.views.flatMap((view) => view.policies).filter((policy) => policy.outcome === "denied");
  const work = state.views.some((view) => countsOf(view).run + countsOf(view).depends > 0);
  const failed = problems.some(isError) || denied.length > 0;
  const title = planTitle(state, { errors: problems.filter(isError).length, denied: denied.length });
  const buttons: readonly ButtonName[] = work && !failed ? ["run", "plan"] : ["plan"];
  return {
    conclusion: failed ? "failure" : "success",
    title: safeLine(title, TITLE),
    summary: `${ownTitle(title)}\n`,
    text: [...lostLines(state), planText(state)].join("\n\n"),
    annotations: problems.slice(0, ANNOTATIONS).map(annotationOf),
    actions: buttons.filter((name) => offered.includes(name)).map((name) => BUTTONS[name]),
  };
}

/** A check that GitHub's limits held up says so: a slow forge must not look like a slow service. */
export function withWait(summary: string, waitedMs: number): string {
  const sentence = `GitHub's limits on writing held this up by ${formatDuration(waitedMs)}.\n`;
  return `${summary.slice(0, CHARACTERS - sentence.length).trimEnd()}\n\n${sentence}`;
}

function planText(state: StickyState): string {
  const characters = CHARACTERS - (state.lost?.length ?? 0) * 2;
  return isAbsent(state) ? "Nothing that a pipeline reads has changed.\n" : wholePlan(state, characters);
}

/** Whether the change concerns no pipeline: one that is taken away has no view. */
function isAbsent({ views, plan }: StickyState): boolean {
  return views.length + (plan.others?.removed.length ?? 0) === 0;
}

function planTitle(
  state: StickyState,
  { errors, denied }: { readonly errors: number; readonly denied: number },
): string {
  const { views, plan } = state;
  if (errors > 0) return `${counted(errors, "problem")}, nothing will run`;
  if (denied > 0) return `${counted(denied, "policy").replace(/policys$/, "policies")} not met`;
  const changed = views.filter((view) => !isUnchanged(view));
  const [only] = changed;
  if (isAbsent(state) && (state.lost ?? null) !== null) return "The settings are taken away";
  if (isAbsent(state)) return "No pipeline is affected";
  const removed = plan.others?.removed.length ?? 0;
  if (only === undefined) return removed > 0 ? `${counted(removed, "pipeline")} removed` : "Nothing to run";
  return changed.length === 1 ? headline(only, plan.slots) : `${counted(changed.length, "pipeline")} affected`;
}

/** Titles are ours but for figures: no markup can be in them. */
function ownTitle(title: string): string {
  return title.replaceAll("$", "&#36;");
}

/** `sluice / run`: under way until every run of the head has ended, failed by the first that did. */
export function runCheckOutput(state: RunsState, offered: readonly ButtonName[]): CheckOutput {
  const ended = state.runs.flatMap((run) => (run.kind === "ended" ? [run.record.status] : []));
  const conclusion = ended.length < state.runs.length ? null : conclusionOf(ended);
  const sections = runSections(state, CHARACTERS - 1_000);
  const buttons: readonly ButtonName[] = conclusion === null ? ["cancel"] : conclusion === "success" ? [] : ["retry"];
  return {
    conclusion,
    title: safeLine(state.runs.map(runTitle).join(", "), TITLE),
    summary: `${sections.join("\n\n")}\n`,
    text: "",
    annotations: [],
    actions: buttons.filter((name) => offered.includes(name)).map((name) => BUTTONS[name]),
  };
}

/** `sluice / run` of a commit whose settings cannot be read. */
export function stoppedCheckOutput(problems: readonly Problem[]): CheckOutput {
  return {
    conclusion: "failure",
    title: `sluice.yaml has ${counted(problems.length, "problem")}: nothing is run`,
    summary: `Nothing of this branch is started, and nothing is promoted, until it is mended here:\n\n${placesOf(problems)}\n`,
    text: "",
    annotations: problems.slice(0, ANNOTATIONS).map(annotationOf),
    actions: [],
  };
}

/** `sluice / run` of a branch's tip in whose pipelines something is wrong, with what is told of the others. */
export function brokenCheckOutput(problems: readonly Problem[], others: string): Partial<CheckOutput> {
  const [first] = problems;
  const where = first === undefined ? "" : `${first.at.path}${problems.length > 1 ? " and elsewhere" : ""}`;
  const told = `What these stand in is not run until they are mended here:\n\n${placesOf(problems)}\n`;
  return {
    conclusion: "failure",
    title: safeLine(`${counted(problems.length, "problem")} in ${where}`),
    summary: others === "" ? told : `${told}\n${others}`,
    annotations: problems.slice(0, ANNOTATIONS).map(annotationOf),
  };
}

function placesOf(problems: readonly Problem[]): string {
  const places = problems.slice(0, ANNOTATIONS).map(({ at, message }) => {
    return `- ${codeSpan(`${at.path}:${at.line}:${at.column}`)} ${markdownText(message)}`;
  });
  return places.join("\n");
}

function runTitle(run: StickyRun): string {
  switch (run.kind) {
    case "waiting":
      return `${run.pipeline}: waiting`;
    case "under-way":
      return `${run.pipeline}: ${run.done} of ${counted(run.total, "step")} done`;
    case "ended":
      return `${run.record.pipeline.name}: ${run.record.status}`;
  }
}

/** The worst of them: a failure, then what was stopped, then what never was. */
export function conclusionOf(statuses: readonly RunStatus[]): Exclude<CheckOutput["conclusion"], null> {
  if (statuses.some((status) => status === "failed" || status === "refused")) return "failure";
  if (statuses.some((status) => status === "cancelled" || status === "superseded" || status === "abandoned"))
    return "cancelled";
  return statuses.length > 0 && statuses.every((status) => status === "skipped") ? "skipped" : "success";
}

/** A problem beside its line; columns only within one line, because GitHub refuses them otherwise. */
export function annotationOf({ at, severity, message, next }: Problem): ProblemAnnotation {
  const startLine = Math.max(1, at.line);
  const endLine = Math.max(startLine, at.end?.line ?? startLine);
  const startColumn = Math.max(1, at.column);
  const within = startLine === endLine;
  return {
    path: at.path,
    startLine,
    endLine,
    startColumn: within ? startColumn : null,
    // Ours is exclusive, GitHub's is the last column.
    endColumn: within ? Math.max(startColumn, (at.end?.column ?? startColumn + 1) - 1) : null,
    level: severity === "error" ? "failure" : "warning",
    title: safeLine(message, TITLE),
    message: `${safeLine(message, 1_000)}\nnext: ${safeLine(next, 1_000)}`,
  };
}
