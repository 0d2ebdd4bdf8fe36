import { formatMetric } from "../diff/number.ts";
import type { MetricValue, Profile } from "../key/key-document.ts";
import type { RunRecord, StepRecord } from "../run/run-record.ts";
import { formatBytes } from "./bytes.ts";
import { causeSentence, ownWords } from "./cause.ts";
import { formatDuration } from "./duration.ts";
import { sentenceOf } from "./failure-hint.ts";
import { failureSentence } from "./failure-sentence.ts";
import { missingMetrics } from "./missing-metrics.ts";
import type { Paint } from "./paint.ts";
import type { RunProgress } from "./run-progress.ts";
import { safeLine } from "./safe-text.ts";
import { terminalVoice } from "./voice.ts";
import { counted, listed, type ShortId } from "./words.ts";

export interface RunTextOptions {
  readonly paint: Paint;
  readonly shortId: ShortId;
}

/** One event as one line: `▶ train  parameter learning_rate 0.1 → 0.05`, `✓ train  41 s, peak 412 MB`. */
export function progressLine(progress: RunProgress, { paint, shortId }: RunTextOptions): string {
  const voice = terminalVoice(paint);
  const line = (sign: string, words: string): string => `${sign} ${safeLine(progress.step)}  ${words}`;
  switch (progress.kind) {
    case "started":
      return line(
        paint.accent("▶"),
        progress.attempt > 1 ? `attempt ${progress.attempt}` : causeSentence(progress.cause, voice),
      );
    case "cached":
      return line(paint.good("✓"), `from run ${shortId(progress.from)}`);
    case "succeeded":
      return line(
        paint.good("✓"),
        `${costWords(progress.profile)}${progress.nonDeterministic ? "; gave other bytes than before for the same key" : ""}${(progress.remarks ?? []).map((remark) => `; ${ownWords(remark, voice)}`).join("")}`,
      );
    case "failed": {
      const { failure, read = [] } = progress;
      const why = sentenceOf({ failure, declared: { read } }, voice);
      return line(paint.bad("✗"), `after ${formatDuration(progress.wallMs)}: ${why}`);
    }
    case "retrying":
      return line(
        paint.warn("↻"),
        `${failureSentence(progress.failure, voice)}; attempt ${progress.attempt + 1} in ${formatDuration(progress.delayMs)}`,
      );
    case "gate":
      return line(
        paint.warn("!"),
        `${failureSentence(progress.failure, voice)}${progress.stops ? "; what follows does not start" : ""}`,
      );
    case "cancelled":
      return line("·", "cancelled");
  }
}

/** `41 s, peak 412 MB`; only what was measured. */
export function costWords(profile: Profile): string {
  const peak = profile.peakBytes === null ? "" : `, peak ${formatBytes(profile.peakBytes)}`;
  return `${formatDuration(profile.wallMs)}${peak}`;
}

/** The end of a run in a few lines: what was done, the slowest step, metrics, what a reader must know. */
export function runSummary(record: RunRecord, { paint, shortId }: RunTextOptions): string {
  const id = shortId(record.id);
  const word =
    record.status === "succeeded"
      ? paint.good("succeeded")
      : record.status === "failed"
        ? paint.bad("failed")
        : record.status;
  const lines = [`Run ${id} ${word}: ${doneSentence(record, (name) => safeLine(name))}`];
  for (const [name, value] of metricsOf(record).slice(0, 20))
    lines.push(`  ${safeLine(name, 60)} ${paint.strong(formatMetric(value))}`);
  lines.push(...notes(record).map((note) => paint.dim(`  ${note}`)));
  return `${lines.join("\n")}\n`;
}

/** `3 of 3 steps done in 46 s (1 cached) · slowest train 41 s, peak 412 MB`. */
export function doneSentence(record: RunRecord, name: (step: string) => string): string {
  const cached = record.steps.filter((step) => step.outcome.kind === "cached").length;
  const done = record.steps.filter((step) => step.outcome.kind === "succeeded").length + cached;
  const wanted = record.steps.filter((step) => step.outcome.kind !== "withheld").length;
  const wall = Date.parse(record.finishedAt) - Date.parse(record.startedAt);
  const slowest = slowestStep(record);
  const tail = slowest === undefined ? "" : ` · slowest ${name(slowest.step.name)} ${costWords(slowest.profile)}`;
  return `${done} of ${counted(wanted, "step")} done in ${formatDuration(wall)}${cached > 0 ? ` (${cached} cached)` : ""}${tail}`;
}

function slowestStep(record: RunRecord): { readonly step: StepRecord; readonly profile: Profile } | undefined {
  let slowest: { readonly step: StepRecord; readonly profile: Profile } | undefined;
  for (const step of record.steps) {
    const profile = step.outcome.kind === "succeeded" ? step.attempts.at(-1)?.profile : undefined;
    if (profile !== undefined && (slowest === undefined || profile.wallMs > slowest.profile.wallMs))
      slowest = { step, profile };
  }
  return slowest;
}

/** All metrics of a run: those the pipeline names first, then the others by name. */
export function metricsOf(record: RunRecord): readonly (readonly [string, MetricValue])[] {
  const found = new Map<string, MetricValue>();
  for (const { outcome } of record.steps) {
    if (outcome.kind !== "succeeded" && outcome.kind !== "cached") continue;
    for (const [name, value] of Object.entries(outcome.facts.metrics)) found.set(name, value);
  }
  const named = record.metricSpecs.map((spec) => spec.name);
  const rank = (name: string): number => (named.includes(name) ? named.indexOf(name) : named.length);
  return [...found].sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0));
}

/** What a forced step gives stands from now on, also in place of an earlier result; so does what an earlier one lost. */
function replaces({ outcome }: RunRecord["steps"][number]): boolean {
  return outcome.kind === "succeeded" && ["forced", "evicted"].includes(outcome.cause.kind);
}

/** What must be said although nobody asked: metrics that nobody wrote, weak isolation, drift, overrides, a dirty tree, non-determinism. */
export function notes(record: RunRecord): readonly string[] {
  const name = (text: string): string => safeLine(text, 80);
  const strange = record.steps.filter((step) => step.nonDeterministic.length > 0);
  const strangeLine = (replacing: boolean): readonly string[] => {
    const names = strange.filter((step) => replaces(step) === replacing).map((step) => name(step.name));
    const then = replacing ? "the new result replaces the first" : "the first result stays";
    if (names.length === 0) return [];
    return [`not deterministic: ${listed(names, 6)} gave other bytes than before for the same key; ${then}`];
  };
  const loose = record.steps.filter(
    (step) => step.outcome.kind === "succeeded" && step.outcome.isolation === "workspace",
  );
  const withheld = record.steps.filter((step) => step.outcome.kind === "withheld").map((step) => name(step.name));
  return [
    ...missingMetrics(record),
    ...strangeLine(false),
    ...strangeLine(true),
    ...(withheld.length > 0 ? [`left out: ${listed(withheld, 6)} (effects: \`sluice run --with-effects\`)`] : []),
    ...(record.dirty === null ? [] : [`from uncommitted files: ${listed(record.dirty.paths.map(name), 4)}`]),
    ...(Object.keys(record.overrides).length > 0
      ? [`with \`--param\` ${listed(Object.keys(record.overrides).map(name), 6)}: recorded, cannot be promoted`]
      : []),
    ...(record.environmentDrift
      ? ["environment not held to what is declared (`--allow-environment-drift`): recorded, cannot be promoted"]
      : []),
    ...(loose.length > 0
      ? [`isolation workspace (${counted(loose.length, "step")}): reads by absolute path are not noticed`]
      : []),
  ];
}
