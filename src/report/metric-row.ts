import { formatDelta, formatMetric } from "../diff/number.ts";
import type { MetricChange, RunDiff } from "../diff/run-diff.ts";
import type { MetricVerdict } from "../diff/verdict.ts";
import { comparison, counted } from "./words.ts";

/** `↑` where more is better, `↓` where less is, nothing for what is only informational. */
export function arrow(goal: MetricChange["goal"]): string {
  return goal === null ? "" : goal === "higher" ? " ↑" : " ↓";
}

/** Before, now and change with the digits that tell them apart; a dash for what is not there. */
export function metricFigures({ from, to, delta }: MetricChange): readonly [from: string, to: string, delta: string] {
  return [
    from === undefined ? "–" : formatMetric(from, to),
    to === undefined ? "–" : formatMetric(to, from),
    delta === null ? "–" : formatDelta(delta),
  ];
}

/** `better (tolerance 0.002) · gate ≥ 0.95 passed`. */
export function verdictWords(metric: MetricChange): string {
  const { verdict, gate } = metric;
  const judged = verdict.kind === "better" || verdict.kind === "worse";
  const tolerance = judged && metric.tolerance !== null ? ` (tolerance ${toleranceWords(metric.tolerance)})` : "";
  const gated = gate === null ? "" : `gate ${comparison(gate.gate)} ${gate.kind}`;
  return [wordsOf(verdict) + tolerance, gated].filter((part) => part !== "").join(" · ");
}

function toleranceWords({ kind, value }: NonNullable<MetricChange["tolerance"]>): string {
  return kind === "absolute" ? formatMetric(value) : `${formatMetric(value * 100)} %`;
}

function wordsOf(verdict: MetricVerdict): string {
  switch (verdict.kind) {
    case "better":
    case "worse":
      return verdict.kind;
    case "within-tolerance":
      return "within tolerance";
    case "informational":
      return "";
    case "missing":
      return verdict.side === "from" ? "new" : "missing";
    case "not-finite":
      return "not finite";
    case "not-comparable":
      return `not comparable: dataset ${verdict.dataset} differs`;
  }
}

/** `better than main: 1 of 2 metrics improved, none got worse`; without a baseline's name in two words less. */
export function overallSentence(diff: Pick<RunDiff, "metrics" | "overall">, baseline: string | null): string {
  const judged = diff.metrics.filter((metric) => metric.goal !== null);
  const better = judged.filter((metric) => metric.verdict.kind === "better").length;
  const worse = judged.filter((metric) => metric.verdict.kind === "worse").length;
  const tally = `${better} of ${counted(judged.length, "metric")} improved, ${worse === 0 ? "none" : worse} got worse`;
  const against = (preposition: string): string => (baseline === null ? "" : ` ${preposition} ${baseline}`);
  switch (diff.overall) {
    case "better":
    case "worse":
      return `${diff.overall}${against("than")}: ${tally}`;
    case "mixed":
      return `mixed${against("against")}: ${tally}`;
    case "within-tolerance":
      return `within tolerance${against("of")}: ${counted(judged.length, "metric")} compared`;
    case "not-judged":
      return diff.metrics.some((metric) => metric.verdict.kind === "not-comparable")
        ? `not comparable${against("with")}: other data`
        : `no metric to judge${against("against")}`;
  }
}
