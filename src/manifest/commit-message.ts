import { parseRunId, type Digest, type RunId } from "../identity/identity.ts";
import type { MetricValue } from "../key/key-document.ts";
import type { RunRecord, StepRecord } from "../run/run-record.ts";

const MAX_METRICS = 20;
const MAX_PEOPLE = 50;
/** Characters of a subject or of a trailer's value. */
const MAX_VALUE = 200;

/** Metrics of a run as its pipeline reads them: named ones first, from the step that each names. */
export function runMetrics(
  record: Pick<RunRecord, "metricSpecs" | "steps">,
): readonly (readonly [string, MetricValue])[] {
  const found = new Map<string, MetricValue>();
  for (const spec of record.metricSpecs) {
    const value = metricOf(record, spec);
    if (value !== undefined) found.set(spec.name, value);
  }
  for (const step of record.steps) {
    for (const [name, value] of Object.entries(measuredBy(step))) if (!found.has(name)) found.set(name, value);
  }
  return [...found];
}

function measuredBy(step: StepRecord | undefined): Readonly<Record<string, MetricValue>> {
  const outcome = step?.outcome;
  return outcome?.kind === "succeeded" || outcome?.kind === "cached" ? outcome.facts.metrics : {};
}

/** One metric of the step that its specification names; a name like `constructor` is no metric unless it was measured. */
export function metricOf(
  record: Pick<RunRecord, "steps">,
  spec: { readonly name: string; readonly step: string },
): MetricValue | undefined {
  const metrics = measuredBy(record.steps.find((step) => step.name === spec.step));
  return Object.hasOwn(metrics, spec.name) ? metrics[spec.name] : undefined;
}

export type Trailer = readonly [key: string, value: string];

/** Trailers of a run's commit, made from its record alone, so that verification can make them again. */
export function runTrailers(record: RunRecord, manifest: Digest): readonly Trailer[] {
  const trailers: Trailer[] = [
    ["Sluice-Run", record.id],
    ["Sluice-Pipeline", record.pipeline.id],
    ["Sluice-Source", record.source],
    ["Sluice-Trigger", record.trigger],
    ["Sluice-Status", record.status],
    ["Sluice-Plan", record.plan],
    ["Sluice-Manifest", manifest],
    ...runMetrics(record).slice(0, MAX_METRICS).map(metricTrailer),
  ];
  if (record.pullRequest !== null) trailers.push(["Sluice-Pull-Request", String(record.pullRequest)]);
  if (record.requestedBy !== null) trailers.push(["Sluice-Requested-By", record.requestedBy]);
  for (const person of record.approvedBy.slice(0, MAX_PEOPLE)) trailers.push(["Sluice-Approved-By", person]);
  return cleaned(trailers);
}

/** Trailers as a message has them: each a line, and none of nothing. */
export function cleaned(trailers: readonly Trailer[]): readonly Trailer[] {
  return trailers.map(([key, value]): Trailer => [key, oneLine(value, MAX_VALUE)]).filter(([, value]) => value !== "");
}

/** The name is cut before the value, which is what people search for. */
function metricTrailer([name, value]: readonly [string, MetricValue]): Trailer {
  return ["Sluice-Metric", `${oneLine(name, MAX_VALUE - 30)}=${value}`];
}

/** The ledger's commit message of a run: a sentence, then trailers that make `git log` a query language (INTERFACES §3). */
export function commitMessage(record: RunRecord, manifest: Digest, headline: string | undefined): string {
  const subject = [`${record.pipeline.name}: ${record.status}`, ...(headline === undefined ? [] : [headline])].join(
    " · ",
  );
  return messageOf(subject, runTrailers(record, manifest));
}

/** A ledger commit's message: one line, then trailers, whatever the texts hold. */
export function messageOf(subject: string, trailers: readonly Trailer[]): string {
  return `${oneLine(subject, MAX_VALUE)}\n\n${trailerLines(cleaned(trailers))}\n`;
}

function trailerLines(trailers: readonly Trailer[]): string {
  return trailers.map(([key, value]) => `${key}: ${value}`).join("\n");
}

/** Whether a message has these trailers and no others, letter by letter. */
export function hasTrailers(message: string, trailers: readonly Trailer[]): boolean {
  return message.trimEnd().endsWith(`\n\n${trailerLines(trailers)}`);
}

// Line and paragraph ends, other controls, and marks that turn the direction of what follows or are not seen at all.
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+/gu;

/** Nearly every value: printable ASCII with nothing to trim. */
const PLAIN = /^[!-~](?:[ -~]*[!-~])?$/;

/** A value can neither end its line nor begin another trailer. */
function oneLine(text: string, limit: number): string {
  if (text.length <= limit && PLAIN.test(text)) return text;
  const line = text.toWellFormed().replace(UNSEEN, " ").trim();
  return line.length > limit ? `${line.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, "")}…` : line;
}

/** Trailers of a commit message, values by key in order; the subject is never one. */
export function parseTrailers(message: string): ReadonlyMap<string, readonly string[]> {
  const trailers = new Map<string, string[]>();
  const [, ...paragraphs] = message.trimEnd().split(/\n{2,}/);
  for (const line of (paragraphs.at(-1) ?? "").split("\n")) {
    const match = /^(Sluice-[A-Za-z-]+): (.*)$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    const values = trailers.get(match[1]);
    if (values === undefined) trailers.set(match[1], [match[2]]);
    else values.push(match[2]);
  }
  return trailers;
}

/** The run that a commit records; undefined for `ledger.json` and for events, which only name a run. */
export function recordedRun(message: string): RunId | undefined {
  const trailers = parseTrailers(message);
  return trailers.has("Sluice-Event") ? undefined : parseRunId(trailers.get("Sluice-Run")?.[0] ?? "");
}
