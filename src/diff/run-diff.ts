import { canonicalJson, type Json } from "../identity/canonical-json.ts";
import type { RunId } from "../identity/identity.ts";
import type { MetricValue, OutputRecord } from "../key/key-document.ts";
import type { RunRecord, StepOutcome, StepRecord } from "../run/run-record.ts";
import { judge, judgeGate, type GateVerdict, type MetricReading, type MetricVerdict } from "./verdict.ts";

export type FileChange = { readonly path: string; readonly change: "added" | "removed" | "changed" };

export interface MetricChange {
  readonly name: string;
  readonly step: string | null;
  readonly goal: "higher" | "lower" | null;
  readonly tolerance: MetricReading["tolerance"];
  readonly from: MetricValue | undefined;
  readonly to: MetricValue | undefined;
  /** `to − from` where both are finite. */
  readonly delta: number | null;
  readonly verdict: MetricVerdict;
  readonly gate: GateVerdict | null;
}

export interface StepChange {
  readonly step: string;
  readonly from: StepOutcome["kind"] | "absent";
  readonly to: StepOutcome["kind"] | "absent";
  readonly sameKey: boolean;
  /** Outputs whose bytes differ. */
  readonly outputs: readonly FileChange[];
  /** Wall time (ms) of the attempt that gave the result; null where nothing was computed. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

/** Two runs side by side: what went in, what came out, and how the numbers are to be read. */
export interface RunDiff {
  readonly from: { readonly run: RunId; readonly status: RunRecord["status"]; readonly source: RunRecord["source"] };
  readonly to: { readonly run: RunId; readonly status: RunRecord["status"]; readonly source: RunRecord["source"] };
  readonly parameters: readonly {
    readonly name: string;
    readonly from: Json | undefined;
    readonly to: Json | undefined;
  }[];
  readonly code: readonly FileChange[];
  readonly data: readonly FileChange[];
  readonly steps: readonly StepChange[];
  readonly metrics: readonly MetricChange[];
  readonly overall: "better" | "worse" | "mixed" | "within-tolerance" | "not-judged";
}

/** Compares two runs of one pipeline; specs, goals and gates are those of the later one. */
export function diffRuns(from: RunRecord, to: RunRecord): RunDiff {
  const data = fileChanges(datasetsOf(from), datasetsOf(to));
  const metrics = metricChanges(from, to, data);
  return {
    from: { run: from.id, status: from.status, source: from.source },
    to: { run: to.id, status: to.status, source: to.source },
    parameters: parameterChanges("", from.params, to.params),
    code: fileChanges(from.sources, to.sources),
    data,
    steps: stepChanges(from, to),
    metrics,
    overall: overallOf(metrics),
  };
}

function datasetsOf(run: RunRecord): Readonly<Record<string, string>> {
  return Object.fromEntries(run.datasets.map((dataset) => [dataset.name, dataset.digest]));
}

function fileChanges(
  from: Readonly<Record<string, string>>,
  to: Readonly<Record<string, string>>,
): readonly FileChange[] {
  return names(from, to).flatMap((path): FileChange[] => {
    if (from[path] === to[path]) return [];
    return [{ path, change: from[path] === undefined ? "added" : to[path] === undefined ? "removed" : "changed" }];
  });
}

function names(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): readonly string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
}

type Members = Readonly<Record<string, Json>>;

function isMap(value: Json | undefined): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parameterChanges(prefix: string, from: Members, to: Members): RunDiff["parameters"] {
  return names(from, to).flatMap((member) => {
    const name = `${prefix}${member}`;
    const [old, now] = [from[member], to[member]];
    if (isMap(old) && isMap(now)) return parameterChanges(`${name}.`, old, now);
    if (old !== undefined && now !== undefined && canonicalJson(old) === canonicalJson(now)) return [];
    return [{ name, from: old, to: now }];
  });
}

function stepChanges(from: RunRecord, to: RunRecord): readonly StepChange[] {
  const before = new Map(from.steps.map((step) => [step.id, step]));
  const after = new Map(to.steps.map((step) => [step.id, step]));
  return [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .map((id) => stepChange(id, before.get(id), after.get(id)));
}

function stepChange(id: string, from: StepRecord | undefined, to: StepRecord | undefined): StepChange {
  return {
    step: to?.name ?? from?.name ?? id,
    from: from?.outcome.kind ?? "absent",
    to: to?.outcome.kind ?? "absent",
    sameKey: from !== undefined && to !== undefined && from.key !== null && from.key === to.key,
    outputs: fileChanges(outputsOf(from), outputsOf(to)),
    fromMs: wallOf(from),
    toMs: wallOf(to),
  };
}

function outputsOf(step: StepRecord | undefined): Readonly<Record<string, string>> {
  const outcome = step?.outcome;
  if (outcome?.kind !== "succeeded" && outcome?.kind !== "cached") return {};
  return Object.fromEntries(outcome.facts.outputs.map((output: OutputRecord) => [output.path, output.digest]));
}

function wallOf(step: StepRecord | undefined): number | null {
  const last = step?.attempts.at(-1);
  return last === undefined || last.failure !== null ? null : last.profile.wallMs;
}

function metricChanges(from: RunRecord, to: RunRecord, data: readonly FileChange[]): readonly MetricChange[] {
  const old = metricTable(from);
  const now = metricTable(to);
  const specs = new Map(to.metricSpecs.map((spec) => [spec.name, spec]));
  const order = [
    ...specs.keys(),
    ...[...new Set([...old.keys(), ...now.keys()])].filter((name) => !specs.has(name)).sort(),
  ];
  return order.map((name) => {
    const spec = specs.get(name);
    const [a, b] = [old.get(name), now.get(name)];
    const changed = data.find(
      (change) => change.change !== "added" && closureOf(to, spec?.step ?? b?.step).has(change.path),
    );
    const verdict: MetricVerdict =
      changed !== undefined && a !== undefined && b !== undefined
        ? { kind: "not-comparable", dataset: changed.path }
        : judge(spec, a?.value, b?.value);
    return {
      name,
      step: spec?.step ?? b?.step ?? a?.step ?? null,
      goal: spec?.goal ?? null,
      tolerance: spec?.tolerance ?? null,
      from: a?.value,
      to: b?.value,
      delta: typeof a?.value === "number" && typeof b?.value === "number" ? b.value - a.value : null,
      verdict,
      gate: spec?.gate === null || spec === undefined ? null : judgeGate(spec.gate, b?.value),
    };
  });
}

function metricTable(run: RunRecord): ReadonlyMap<string, { readonly value: MetricValue; readonly step: string }> {
  const table = new Map<string, { value: MetricValue; step: string }>();
  const wanted = new Map(run.metricSpecs.map((spec) => [spec.name, spec.step]));
  for (const step of run.steps) {
    if (step.outcome.kind !== "succeeded" && step.outcome.kind !== "cached") continue;
    for (const [name, value] of Object.entries(step.outcome.facts.metrics)) {
      const owner = wanted.get(name);
      if (owner === undefined ? !table.has(name) : owner === step.name) table.set(name, { value, step: step.name });
    }
  }
  return table;
}

/** Datasets that a step reads itself or through the steps before it, by name. */
function closureOf(run: RunRecord, step: string | undefined): ReadonlySet<string> {
  const byOutput = new Map<string, StepRecord>();
  for (const candidate of run.steps)
    for (const output of candidate.document?.outputs ?? []) byOutput.set(output.path, candidate);
  const byPath = new Map(run.datasets.map((dataset) => [dataset.path, dataset.name]));
  const found = new Set<string>();
  const seen = new Set<string>();
  const todo = run.steps.filter((candidate) => candidate.name === step);
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    if (seen.has(at.name)) continue;
    seen.add(at.name);
    for (const input of at.document?.inputs ?? []) {
      const dataset = byPath.get(input.path);
      if (input.kind === "dataset" && dataset !== undefined) found.add(dataset);
      const producer =
        byOutput.get(input.path) ?? [...byOutput].find(([path]) => input.path.startsWith(`${path}/`))?.[1];
      if (producer !== undefined) todo.push(producer);
    }
  }
  return found;
}

function overallOf(metrics: readonly MetricChange[]): RunDiff["overall"] {
  const kinds = new Set(metrics.map((metric) => metric.verdict.kind));
  if (kinds.has("better") && kinds.has("worse")) return "mixed";
  if (kinds.has("better")) return "better";
  if (kinds.has("worse")) return "worse";
  return kinds.has("within-tolerance") ? "within-tolerance" : "not-judged";
}
