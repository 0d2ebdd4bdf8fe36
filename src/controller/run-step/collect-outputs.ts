import { readMetrics } from "../../diff/read-metrics.ts";
import { readPlot } from "../../diff/read-plot.ts";
import { missingColumn, textNumbers } from "../../diff/remarks.ts";
import type { Attempt } from "../../executor/executor.ts";
import type { MetricValue, OutputRecord } from "../../key/key-document.ts";
import { formatLimit, formatMemory } from "../../report/bytes.ts";
import { ok, refused, type Result } from "../../result/result.ts";
import type { Failure } from "../../run/run-record.ts";
import type { StepJob } from "../../run/step-job.ts";
import type { Ingested } from "../../store/store.ts";
import type { StepPorts } from "./step-context.ts";

/** Metrics and plots are read whole. */
const LARGEST_DATA = 16 << 20;

/** What a step has written as it declared it, in the store. */
export interface Collected {
  readonly outputs: readonly OutputRecord[];
  readonly metrics: Readonly<Record<string, MetricValue>>;
  /** What is as declared and most likely not as meant, sentences' ends. */
  readonly remarks: readonly string[];
}

/** Takes declared outputs and metrics out of the workspace; the first thing that is not as declared is the failure. */
export async function collectOutputs(ports: StepPorts, job: StepJob, attempt: Attempt): Promise<Collected | Failure> {
  const { outputs: declared, metrics: measured } = job.document;
  const undeclared = await attempt.undeclared();
  const wanted = [...declared.map(({ path }) => path), ...measured];
  const missing = [...new Set(await ports.store.missing(attempt.workspace, wanted))];
  if (undeclared.length > 0)
    return { kind: "undeclared-write", paths: undeclared, ...(missing.length > 0 ? { missing } : {}) };
  if (missing.length > 0) return { kind: "missing-output", paths: missing };
  const metrics = await readMetricFiles(ports, job, attempt);
  if (metrics.kind === "refused") return metrics.refusal;
  const plots = await readPlotFiles(ports, job, attempt);
  if (plots.kind === "refused") return plots.refusal;
  const outputs: OutputRecord[] = [];
  for (const output of declared) {
    const ingested = await ports.store.ingest(`${attempt.workspace}/${output.path}`, output.path);
    if (ingested.kind === "absent") return { kind: "missing-output", paths: [output.path] };
    if (ingested.kind !== "ok") return refusal(ingested, output.path);
    if (output.kind === "directory" && ingested.record.kind !== "directory")
      return { kind: "wrong-output", path: output.path, why: "it is declared as a directory and is a file" };
    outputs.push(ingested.record);
  }
  return { outputs, metrics: metrics.value.metrics, remarks: [...metrics.value.remarks, ...plots.value] };
}

function refusal(ingested: Exclude<Ingested, { kind: "ok" | "absent" }>, path: string): Failure {
  if (ingested.kind === "disk-full") return { kind: "disk-full", path };
  return { kind: "wrong-output", path, why: ingested.why };
}

async function readMetricFiles(
  ports: StepPorts,
  job: StepJob,
  attempt: Attempt,
): Promise<Result<Omit<Collected, "outputs">, Failure>> {
  const all: Record<string, MetricValue> = {};
  const remarks: string[] = [];
  for (const path of job.document.metrics) {
    const peeked = await ports.store.peek(attempt.workspace, path, LARGEST_DATA);
    if (peeked.kind === "absent") return refused({ kind: "missing-output", paths: [path] });
    if (peeked.kind === "too-large") return refused({ kind: "bad-metrics", path, why: tooLarge(peeked.size) });
    const read = await readMetrics(path, peeked.bytes);
    if (read.kind === "refused") return refused({ kind: "bad-metrics", path, why: read.refusal });
    Object.assign(all, read.value);
    remarks.push(...(await textNumbers(path, peeked.bytes)));
  }
  return ok({ metrics: all, remarks });
}

function tooLarge(size: number): string {
  return `it is ${formatMemory(size)} large, and no more than ${formatLimit(LARGEST_DATA)} are read`;
}

/** A plot that cannot be read is as wrong as a metric that cannot: better now than in a review. */
async function readPlotFiles(
  ports: StepPorts,
  job: StepJob,
  attempt: Attempt,
): Promise<Result<readonly string[], Failure>> {
  const remarks: string[] = [];
  for (const plot of job.step.step.plots) {
    if (plot.kind === "image") continue;
    for (const { path } of plot.series) {
      const peeked = await ports.store.peek(attempt.workspace, path, LARGEST_DATA);
      if (peeked.kind === "absent") continue;
      if (peeked.kind === "too-large")
        return refused({ kind: "wrong-output", path, why: `it is a plot and ${tooLarge(peeked.size)}` });
      const read = await readPlot(path, peeked.bytes);
      if (read.kind === "refused")
        return refused({ kind: "wrong-output", path, why: `it is a plot and ${read.refusal}` });
      remarks.push(...[missingColumn(plot, path, read.value)].filter((one) => one !== undefined));
    }
  }
  return ok(remarks);
}
