import { formatMetric } from "../diff/number.ts";
import type { MetricChange, RunDiff } from "../diff/run-diff.ts";
import type { RunRecord } from "../run/run-record.ts";
import { inOrder } from "./step-order.ts";
import { markdownVoice } from "./voice.ts";
import { withinBudget } from "./budget.ts";
import { plotMarkdown, type ShownPlot } from "./plot-markdown.ts";
import { formatBytes } from "./bytes.ts";
import { causeSentence, ownWords } from "./cause.ts";
import { codeBlock, codeSpan, markdownTable, markdownText } from "./escape-markdown.ts";
import { arrow, metricFigures, overallSentence, verdictWords } from "./metric-row.ts";
import { costWords, doneSentence, metricsOf, notes } from "./run-text.ts";
import { counted, listed, shortDigest, type ShortId } from "./words.ts";

export interface RunMarkdownOptions {
  readonly shortId: ShortId;
  /** The comparison with the baseline, named as the reader knows it (`main`); null: none yet. */
  readonly baseline: { readonly diff: RunDiff; readonly label: string } | null;
  /** Last lines of a step's log, redacted; empty where there is none. */
  readonly tail: (step: string) => readonly string[];
  readonly plots?: readonly ShownPlot[];
  /** At most so many characters; a comment's share by default. */
  readonly characters?: number;
}

const METRICS = 30;
const ROWS = 30;
const PLOTS = 6;

/** A finished run as a section of the sticky comment; a failed one is `failureMarkdown`. */
export function runMarkdown(record: RunRecord, options: RunMarkdownOptions): string {
  return withinBudget(
    [
      () => section(record, options, details(record, options)),
      () => section(record, options, details(record, { ...options, tail: () => [] })),
      () => section(record, options, details(record, { ...options, tail: () => [], plots: [] })),
      () => section(record, options, ""),
      () => `${titleOf(record, options)}\n\n${doneSentence(record, (name) => codeSpan(name, 40))}\n`,
    ],
    options.characters,
  );
}

function titleOf(record: RunRecord, { baseline, shortId }: RunMarkdownOptions): string {
  const label = baseline === null ? "" : codeSpan(baseline.label);
  const verdict =
    baseline === null ? (metricsOf(record).length > 0 ? "no baseline yet" : "") : overallSentence(baseline.diff, label);
  return `### Run ${codeSpan(shortId(record.id))} · ${record.status === "succeeded" ? verdict || "succeeded" : record.status}`;
}

function section(record: RunRecord, options: RunMarkdownOptions, folded: string): string {
  const { baseline, shortId } = options;
  const label = baseline === null ? "" : codeSpan(baseline.label);
  const same =
    baseline !== null && baseline.diff.data.length === 0 && record.datasets.length > 0
      ? ` · same data as ${label}`
      : "";
  const blocks = [
    titleOf(record, options),
    baseline === null
      ? ownMetrics(record)
      : metricTable(baseline.diff, [`${label} (${codeSpan(shortId(baseline.diff.from.run))})`, "here"]),
    `${doneSentence(record, (name) => codeSpan(name))}${same}`,
    ...notes(record).map((note) => `<sub>${ownWords(note, markdownVoice)}</sub>`),
    folded,
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

function ownMetrics(record: RunRecord): string {
  const metrics = metricsOf(record);
  if (metrics.length === 0) return "";
  const goals = new Map(record.metricSpecs.map((spec) => [spec.name, spec.goal]));
  const rows = metrics
    .slice(0, METRICS)
    .map(([name, value]) => [
      `${markdownText(name, 80)}${arrow(goals.get(name) ?? null)}`,
      `**${formatMetric(value)}**`,
    ]);
  return markdownTable(["metric", "here"], rows, new Set([1])) + moreThan(metrics.length, METRICS);
}

/** The table of a comparison; `sides` are headings that are Markdown already. */
export function metricTable(diff: RunDiff, sides: readonly [from: string, to: string]): string {
  if (diff.metrics.length === 0) return "";
  const rows = diff.metrics.slice(0, METRICS).map(metricCells);
  return (
    markdownTable(["metric", ...sides, "change", "verdict"], rows, new Set([1, 2, 3])) +
    moreThan(diff.metrics.length, METRICS)
  );
}

function metricCells(metric: MetricChange): readonly string[] {
  const [from, to, delta] = metricFigures(metric);
  const told = metric.verdict.kind === "better" || metric.verdict.kind === "worse";
  return [
    `${markdownText(metric.name, 80)}${arrow(metric.goal)}`,
    from,
    told ? `**${to}**` : to,
    delta,
    markdownText(verdictWords(metric)),
  ];
}

function moreThan(count: number, shown: number): string {
  return count > shown ? `\n\n… and ${count - shown} more` : "";
}

function details(record: RunRecord, options: RunMarkdownOptions): string {
  const outputs = inOrder(record.steps).flatMap((step) =>
    step.outcome.kind === "succeeded" || step.outcome.kind === "cached" ? step.outcome.facts.outputs : [],
  );
  const artifacts = outputs
    .slice(0, ROWS)
    .map((output) => [codeSpan(output.path), codeSpan(shortDigest(output.digest)), formatBytes(output.size)]);
  const logs = record.steps
    .map((step) => ({ name: step.name, lines: options.tail(step.name) }))
    .filter((log) => log.lines.length > 0)
    .slice(0, 5);
  const plots = (options.plots ?? []).slice(0, PLOTS);
  const titles = [
    ...(plots.length > 0 ? [`Plots (${options.plots?.length ?? 0})`] : []),
    "Steps",
    `Artifacts by digest (${outputs.length})`,
    "Environment",
    ...(logs.length > 0 ? ["Log tails"] : []),
  ];
  return [
    `<details><summary>${titles.join(" · ")}</summary>`,
    ...plots.map((plot) => plotMarkdown(plot, options.shortId(record.id))),
    stepTable(record, options),
    artifacts.length > 0
      ? markdownTable(["artifact", "sha256", "size"], artifacts, new Set([2])) + moreThan(outputs.length, ROWS)
      : "",
    environmentLine(record),
    ...logs.map((log) => `${codeSpan(log.name)}\n\n${codeBlock(log.lines.slice(-20))}`),
    "</details>",
  ]
    .filter((block) => block !== "")
    .join("\n\n");
}

function stepTable(record: RunRecord, { shortId }: RunMarkdownOptions): string {
  const rows = inOrder(record.steps)
    .slice(0, ROWS)
    .map((step) => {
      const { outcome } = step;
      const profile = step.attempts.at(-1)?.profile;
      if (outcome.kind === "succeeded")
        return [
          codeSpan(step.name),
          causeSentence(outcome.cause, markdownVoice),
          profile === undefined ? "–" : costWords(profile),
        ];
      if (outcome.kind === "cached") return [codeSpan(step.name), `from run ${codeSpan(shortId(outcome.from))}`, "–"];
      return [codeSpan(step.name), outcome.kind.replace("-", " ").replace("withheld", "left out"), "–"];
    });
  return markdownTable(["step", "why", "cost"], rows) + moreThan(record.steps.length, ROWS);
}

function environmentLine(record: RunRecord): string {
  const kinds = new Set<string>();
  for (const { document } of record.steps) {
    if (document === null) continue;
    const lock = document.environment?.lock ?? null;
    kinds.add(
      document.image !== null
        ? `image ${codeSpan(shortDigest(document.image))}`
        : `${markdownText(document.environment?.kind ?? "system")}${lock === null ? " (not pinned)" : ` ${codeSpan(shortDigest(lock))}`}`,
    );
  }
  return `Environment: ${listed([...kinds].sort(), 6)} on ${markdownText(record.host.platform)}, ${counted(record.host.cpus, "core")}, ${formatBytes(record.host.memoryBytes)}`;
}
