import { isDeepStrictEqual } from "node:util";

import type { Json } from "../identity/canonical-json.ts";
import type { RunId } from "../identity/identity.ts";
import type { MetricValue, OutputRecord } from "../key/key-document.ts";
import type { RunRecord, StepOutcome, StepRecord } from "../run/run-record.ts";
import { dataComparison } from "./data-comparison.ts";
import { doubleOf } from "./number.ts";
import { environmentChanges, type EnvironmentChange } from "./environment-changes.ts";
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
  readonly environment: readonly EnvironmentChange[];
  readonly steps: readonly StepChange[];
  readonly metrics: readonly MetricChange[];
  readonly overall: "better" | "worse" | "mixed" | "within-tolerance" | "not-judged";
}

/** Compares two runs of one pipeline; specs, goals and gates are those of the later one. */
export function diffRuns(from: RunRecord, to: RunRecord): RunDiff {
  const data = fileChanges(datasetsOf(from), datasetsOf(to));
  const metrics = metricChanges(from, to);
  return {
    from: { run: from.id, status: from.status, source: from.source },
    to: { run: to.id, status: to.status, source: to.source },
    parameters: parameterChanges("", from.params, to.params),
    code: fileChanges(from.sources, to.sources),
    data,
    environment: environmentChanges(from, to),
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
    const [old, now] = [own(from, path), own(to, path)];
    if (old === now) return [];
    return [{ path, change: old === undefined ? "added" : now === undefined ? "removed" : "changed" }];
  });
}

/** A member that is really there: a path or parameter may be called `constructor`. */
function own<Value>(map: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
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
    const [old, now] = [own(from, member), own(to, member)];
    if (isMap(old) && isMap(now)) return parameterChanges(`${name}.`, old, now);
    if (old !== undefined && now !== undefined && isDeepStrictEqual(old, now)) return [];
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

function metricChanges(from: RunRecord, to: RunRecord): readonly MetricChange[] {
  const old = metricTable(from);
  const now = metricTable(to);
  const specs = new Map(to.metricSpecs.map((spec) => [spec.name, spec]));
  const order = [
    ...specs.keys(),
    ...[...new Set([...old.keys(), ...now.keys()])].filter((name) => !specs.has(name)).sort(),
  ];
  const differing = dataComparison(from, to);
  return order.map((name) => {
    const spec = specs.get(name);
    const [a, b] = [old.get(name), now.get(name)];
    const dataset = a === undefined || b === undefined ? undefined : differing(a.step, b.step);
    return {
      name,
      step: spec?.step ?? b?.step ?? a?.step ?? null,
      goal: spec?.goal ?? null,
      tolerance: spec?.tolerance ?? null,
      from: a?.value,
      to: b?.value,
      delta: deltaOf(a?.value, b?.value),
      verdict: dataset === undefined ? judge(spec, a?.value, b?.value) : { kind: "not-comparable", dataset },
      gate: spec?.gate === null || spec === undefined ? null : judgeGate(spec.gate, b?.value),
    };
  });
}

function deltaOf(from: MetricValue | undefined, to: MetricValue | undefined): number | null {
  if (from === undefined || to === undefined) return null;
  const [a, b] = [doubleOf(from), doubleOf(to)];
  if (a === undefined || b === undefined || !Number.isFinite(b - a)) return null;
  // Whole numbers beyond 2^53 may differ by less than their doubles can say.
  const whole = (value: MetricValue): boolean => typeof value === "string" || Number.isSafeInteger(value);
  return whole(from) && whole(to) ? Number(BigInt(to) - BigInt(from)) : b - a;
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

/** Losing a judged number, or its finiteness, is no improvement, whatever the other ones did. */
function overallOf(metrics: readonly MetricChange[]): RunDiff["overall"] {
  const kinds = new Set(metrics.map((metric) => metric.verdict.kind));
  const lost = metrics.some(
    ({ goal, from, to }) => goal !== null && typeof from === "number" && typeof to !== "number",
  );
  if (kinds.has("better")) return kinds.has("worse") || lost ? "mixed" : "better";
  if (kinds.has("worse")) return "worse";
  if (kinds.has("within-tolerance")) return lost ? "mixed" : "within-tolerance";
  return "not-judged";
}
