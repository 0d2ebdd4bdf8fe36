import type { DiffView, MetricView } from "./diff-view.ts";
import { counted } from "./words.ts";

/** `↑` where more is better, `↓` where less is, nothing for what is only informational. */
export function arrow(goal: MetricView["goal"]): string {
  return goal === null ? "" : goal === "higher" ? " ↑" : " ↓";
}

/** `better (tolerance 0.002) · gate ≥ 0.95 passed`. */
export function verdictWords(metric: MetricView): string {
  const tolerance = metric.tolerance !== null && (metric.verdict === "better" || metric.verdict === "worse") ? ` (tolerance ${metric.tolerance})` : "";
  const gate = metric.gate === null ? "" : `gate ${gateWords(metric.gate.text)} ${metric.gate.passed ? "passed" : "failed"}`;
  return [words[metric.verdict] + tolerance, gate].filter((part) => part !== "").join(" · ");
}

const words: Readonly<Record<MetricView["verdict"], string>> = {
  better: "better",
  worse: "worse",
  "within-tolerance": "within tolerance",
  equal: "equal",
  changed: "",
  missing: "missing",
  "not-finite": "not finite",
  "not-comparable": "not comparable: other data",
  new: "new",
};

function gateWords(gate: string): string {
  return gate.replace(">=", "≥").replace("<=", "≤").replace("==", "=");
}

/** `better than main: 1 of 2 metrics improved, none got worse`. */
export function overallSentence(diff: Pick<DiffView, "metrics" | "overall">, baseline: string): string {
  const judged = diff.metrics.filter((metric) => metric.goal !== null);
  const better = judged.filter((metric) => metric.verdict === "better").length;
  const worse = judged.filter((metric) => metric.verdict === "worse").length;
  const tally = `${better} of ${counted(judged.length, "metric")} improved, ${worse === 0 ? "none" : worse} got worse`;
  switch (diff.overall) {
    case "better":
      return `better than ${baseline}: ${tally}`;
    case "worse":
      return `worse than ${baseline}: ${tally}`;
    case "mixed":
      return `mixed against ${baseline}: ${tally}`;
    case "within-tolerance":
      return `within tolerance of ${baseline}: ${counted(judged.length, "metric")} compared`;
    case "equal":
      return `equal to ${baseline}: ${counted(judged.length, "metric")} compared`;
    case "not-comparable":
      return `not comparable with ${baseline}: other data`;
    case "no-metrics":
      return `no metric to compare with ${baseline}`;
  }
}
