import type { EnvironmentChange } from "../diff/environment-changes.ts";
import type { FileChange, RunDiff, StepChange } from "../diff/run-diff.ts";
import { shownValue } from "./cause.ts";
import { formatDuration } from "./duration.ts";
import { arrow, metricFigures, overallSentence, verdictWords } from "./metric-row.ts";
import type { Paint } from "./paint.ts";
import { safeLine } from "./safe-text.ts";
import { alignColumns } from "./table.ts";
import { counted, listed, shortDigest, type ShortId } from "./words.ts";

export interface DiffTextOptions {
  readonly paint: Paint;
  readonly shortId: ShortId;
}

/** Two runs side by side for a terminal: metrics with verdicts first, then what went in, then the steps. */
export function diffText(diff: RunDiff, { paint, shortId }: DiffTextOptions): string {
  const title = `${paint.strong(`${shortId(diff.from.run)} → ${shortId(diff.to.run)}`)}  ${overallSentence(diff, null)}`;
  const parameters = alignColumns(
    diff.parameters.map(({ name, from, to }) => [
      `  ${safeLine(name, 60)}`,
      `${safeLine(shownValue(from))} → ${paint.strong(safeLine(shownValue(to)))}`,
    ]),
  );
  const blocks = [
    title,
    block(
      "Metrics",
      alignColumns(
        diff.metrics.map((metric) => metricRow(metric, paint)),
        new Set([1, 2, 3]),
      ),
      paint,
    ),
    block("Parameters", parameters, paint),
    block("Code", fileLines(diff.code), paint),
    block("Data", fileLines(diff.data), paint),
    block("Environment", alignColumns(diff.environment.map(environmentRow)), paint),
    block("Steps", stepLines(diff.steps), paint),
    sameLine(diff),
  ];
  return `${blocks.filter((text) => text !== "").join("\n\n")}\n`;
}

function block(title: string, lines: readonly string[], paint: Paint): string {
  return lines.length === 0 ? "" : [paint.strong(title), ...lines].join("\n");
}

function metricRow(metric: RunDiff["metrics"][number], paint: Paint): readonly string[] {
  const words = safeLine(verdictWords(metric));
  const { kind } = metric.verdict;
  const tone =
    kind === "better"
      ? paint.good
      : kind === "worse" || metric.gate?.kind === "failed"
        ? paint.bad
        : (text: string) => text;
  return [`  ${safeLine(metric.name, 60)}${arrow(metric.goal)}`, ...metricFigures(metric), tone(words)];
}

const signs = { added: "+", removed: "−", changed: "~" } as const;
const FILES = 30;

function fileLines(changes: readonly FileChange[]): readonly string[] {
  const lines = changes.slice(0, FILES).map(({ path, change }) => `  ${signs[change]} ${safeLine(path)}`);
  return changes.length > FILES ? [...lines, `  … and ${changes.length - FILES} more`] : lines;
}

function environmentRow({ name, from, to, steps }: EnvironmentChange): readonly string[] {
  const side = (text: string | null): string => (text === null ? "none" : safeLine(environmentValue(text), 60));
  const where = listed(
    steps.map((step) => safeLine(step, 40)),
    4,
  );
  return [`  ${safeLine(name, 60)}`, `${side(from)} → ${side(to)}`, steps.length === 0 ? "" : `in ${where}`];
}

/** A digest is told by its first characters, as everywhere. */
export function environmentValue(text: string): string {
  return text.replace(/\bsha256:[0-9a-f]{64}\b/g, (digest) => shortDigest(digest));
}

function stepLines(steps: readonly StepChange[]): readonly string[] {
  const told = steps.filter((step) => !isSame(step));
  const lines = alignColumns(
    told.map((step) => [`  ${safeLine(step.step, 60)}`, outcomeWords(step), timeWords(step), outputWords(step)]),
  );
  const same = steps.length - told.length;
  return same > 0 && told.length > 0 ? [...lines, `  ${counted(same, "step")} with the same key and outputs`] : lines;
}

/** True where a step was asked the same in both runs and answered the same. */
export function isSame(step: StepChange): boolean {
  const done = (kind: StepChange["from"]): boolean => kind === "succeeded" || kind === "cached";
  return step.sameKey && step.outputs.length === 0 && (step.from === step.to || (done(step.from) && done(step.to)));
}

export function outcomeWords({ from, to }: StepChange): string {
  const word = (kind: StepChange["from"]): string => (kind === "withheld" ? "left out" : kind.replace("-", " "));
  return from === to ? word(to) : `${word(from)} → ${word(to)}`;
}

/** Wall times of both sides, a dash where nothing was computed. */
export function timeWords({ fromMs, toMs }: StepChange): string {
  if (fromMs === null && toMs === null) return "";
  const time = (ms: number | null): string => (ms === null ? "–" : formatDuration(ms));
  return `${time(fromMs)} → ${time(toMs)}`;
}

function outputWords({ outputs, from, to, sameKey }: StepChange): string {
  const done = from !== "absent" && (to === "succeeded" || to === "cached");
  if (outputs.length === 0) return done && !sameKey ? "same bytes" : "";
  return `other bytes: ${listed(
    outputs.map((output) => safeLine(output.path)),
    4,
  )}`;
}

function sameLine(diff: RunDiff): string {
  const same = [
    ...(diff.parameters.length === 0 ? ["parameters"] : []),
    ...(diff.code.length === 0 ? ["code"] : []),
    ...(diff.data.length === 0 ? ["data"] : []),
  ];
  return same.length === 0 ? "" : `Same ${listed(same)} in both runs`;
}
