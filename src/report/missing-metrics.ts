import type { MetricValue } from "../key/key-document.ts";
import { closest } from "../problem/suggest.ts";
import type { RunRecord } from "../run/run-record.ts";
import { safeLine } from "./safe-text.ts";
import { listed } from "./words.ts";

/** Metrics that a step did not write although it succeeded, and metrics files without a number; one sentence each. */
export function missingMetrics({ metricSpecs, steps }: Pick<RunRecord, "metricSpecs" | "steps">): readonly string[] {
  return steps.flatMap(({ name, document, outcome }) => {
    if (outcome.kind !== "succeeded" && outcome.kind !== "cached") return [];
    const { metrics } = outcome.facts;
    if (Object.keys(metrics).length === 0) {
      const files = (document?.metrics ?? []).map((path) => safeLine(path, 80));
      return files.length === 0 ? [] : [`${safeLine(name, 80)} wrote no number into ${listed(files, 4)}`];
    }
    return metricSpecs.flatMap((spec) =>
      spec.step !== name || Object.hasOwn(metrics, spec.name) ? [] : [unwrittenMetric(name, spec.name, metrics)],
    );
  });
}

/** `evaluate wrote no acuracy, but accuracy and log_loss; did you mean accuracy?` */
export function unwrittenMetric(step: string, metric: string, metrics: Readonly<Record<string, MetricValue>>): string {
  const wrote = Object.keys(metrics).sort();
  const meant = closest(metric, wrote);
  const shown = wrote.map((name) => safeLine(name, 60));
  const but = shown.length === 0 ? "" : `, but ${listed(shown, 6)}`;
  const mend = meant === undefined ? "" : `; did you mean ${safeLine(meant, 60)}?`;
  return `${safeLine(step, 80)} wrote no ${safeLine(metric, 60)}${but}${mend}`;
}
