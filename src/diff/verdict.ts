import type { MetricValue } from "../key/key-document.ts";
import type { MetricSpec } from "../pipeline/pipeline.ts";
import { doubleOf } from "./number.ts";

export type MetricReading = Omit<MetricSpec, "at">;

export type MetricVerdict =
  | { readonly kind: "better" | "worse" | "within-tolerance" }
  /** No goal: the number is shown and not judged. */
  | { readonly kind: "informational" }
  | { readonly kind: "missing"; readonly side: "from" | "to" | "both" }
  | { readonly kind: "not-finite" }
  | { readonly kind: "not-comparable"; readonly dataset: string };

export type GateVerdict = { readonly kind: "passed" | "failed" | "unknown"; readonly gate: string };

/** Judges one metric against its baseline (SEMANTICS §9). */
export function judge(
  spec: MetricReading | undefined,
  before: MetricValue | undefined,
  now: MetricValue | undefined,
): MetricVerdict {
  if (before === undefined || now === undefined) {
    return { kind: "missing", side: before !== undefined ? "to" : now !== undefined ? "from" : "both" };
  }
  const [from, to] = [doubleOf(before), doubleOf(now)];
  if (from === undefined || to === undefined) return { kind: "not-finite" };
  if (spec === undefined || spec.goal === null) return { kind: "informational" };
  const delta = to - from;
  if (Math.abs(delta) <= toleranceOf(spec, from) + slackOf(spec, Math.max(Math.abs(from), Math.abs(to)))) {
    return { kind: "within-tolerance" };
  }
  return { kind: delta > 0 === (spec.goal === "higher") ? "better" : "worse" };
}

/** A difference that is the tolerance in decimals is within it: the roundings of both doubles are forgiven. */
function slackOf(spec: MetricReading, size: number): number {
  return spec.tolerance === null || spec.tolerance.value === 0 ? 0 : 2 * Number.EPSILON * size;
}

function toleranceOf(spec: MetricReading, from: number): number {
  if (spec.tolerance === null) return 0;
  return spec.tolerance.kind === "absolute" ? spec.tolerance.value : spec.tolerance.value * Math.abs(from);
}

/** Whether a metric passes its gate; a value that is missing or not finite is unknown, which does not pass. */
export function judgeGate(gate: NonNullable<MetricSpec["gate"]>, value: MetricValue | undefined): GateVerdict {
  const text = `${gate.operator} ${gate.bound}`;
  const double = value === undefined ? undefined : doubleOf(value);
  if (double === undefined) return { kind: "unknown", gate: text };
  return { kind: holds(gate, double) ? "passed" : "failed", gate: text };
}

function holds({ operator, bound }: NonNullable<MetricSpec["gate"]>, value: number): boolean {
  switch (operator) {
    case ">=":
      return value >= bound;
    case ">":
      return value > bound;
    case "<=":
      return value <= bound;
    case "<":
      return value < bound;
    case "==":
      return value === bound;
    default:
      return operator satisfies never;
  }
}
