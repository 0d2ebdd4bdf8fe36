import type { Digest } from "../identity/identity.ts";
import type { MetricValue } from "../key/key-document.ts";
import type { RunRecord } from "../run/run-record.ts";

const MAX_METRICS = 20;
const MAX_VALUE = 200;

/** Metrics of a run as its pipeline reads them: named ones first, from the step that each names. */
export function runMetrics(
  record: Pick<RunRecord, "metricSpecs" | "steps">,
): readonly (readonly [string, MetricValue])[] {
  const found = new Map<string, MetricValue>();
  for (const spec of record.metricSpecs) {
    const value = metricsOf(record, spec.step)[spec.name];
    if (value !== undefined) found.set(spec.name, value);
  }
  for (const step of record.steps) {
    for (const [name, value] of Object.entries(metricsOf(record, step.name)))
      if (!found.has(name)) found.set(name, value);
  }
  return [...found];
}

export function metricsOf(record: Pick<RunRecord, "steps">, step: string): Readonly<Record<string, MetricValue>> {
  const outcome = record.steps.find((candidate) => candidate.name === step)?.outcome;
  return outcome?.kind === "succeeded" || outcome?.kind === "cached" ? outcome.facts.metrics : {};
}

/** The ledger's commit message of a run: a sentence, then trailers that make `git log` a query language (INTERFACES §3). */
export function commitMessage(record: RunRecord, manifest: Digest, headline: string | undefined): string {
  const subject = [`${record.pipeline.name}: ${record.status}`, ...(headline === undefined ? [] : [headline])].join(
    " · ",
  );
  const trailers: [string, string][] = [
    ["Sluice-Run", record.id],
    ["Sluice-Pipeline", record.pipeline.id],
    ["Sluice-Source", record.source],
    ["Sluice-Trigger", record.trigger],
    ["Sluice-Status", record.status],
    ["Sluice-Plan", record.plan],
    ["Sluice-Manifest", manifest],
    ...runMetrics(record)
      .slice(0, MAX_METRICS)
      .map(([name, value]): [string, string] => ["Sluice-Metric", `${name}=${value}`]),
  ];
  if (record.pullRequest !== null) trailers.push(["Sluice-Pull-Request", String(record.pullRequest)]);
  if (record.requestedBy !== null) trailers.push(["Sluice-Requested-By", record.requestedBy]);
  for (const person of record.approvedBy) trailers.push(["Sluice-Approved-By", person]);
  return `${oneLine(subject)}\n\n${trailers.map(([key, value]) => `${key}: ${oneLine(value)}`).join("\n")}\n`;
}

/** A value can neither end its line nor begin another trailer. */
function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex
  const line = text.replace(/[\u0000-\u001f\u007f\u2028\u2029\u0085]+/g, " ").trim();
  return line.length > MAX_VALUE ? `${line.slice(0, MAX_VALUE - 1)}…` : line;
}

/** Trailers of a commit message, values by key in order. */
export function parseTrailers(message: string): ReadonlyMap<string, readonly string[]> {
  const trailers = new Map<string, string[]>();
  const block = message.trimEnd().split("\n\n").at(-1) ?? "";
  for (const line of block.split("\n")) {
    const match = /^(Sluice-[A-Za-z-]+): (.*)$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    const values = trailers.get(match[1]);
    if (values === undefined) trailers.set(match[1], [match[2]]);
    else values.push(match[2]);
  }
  return trailers;
}
