import type { MetricValue } from "../key/key-document.ts";
import type { MetricSpec } from "../pipeline/pipeline.ts";

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
  from: MetricValue | undefined,
  to: MetricValue | undefined,
): MetricVerdict {
  if (from === undefined || to === undefined) {
    return { kind: "missing", side: from !== undefined ? "to" : to !== undefined ? "from" : "both" };
  }
  if (typeof from !== "number" || typeof to !== "number") return { kind: "not-finite" };
  if (spec === undefined || spec.goal === null) return { kind: "informational" };
  const delta = to - from;
  const tolerance = toleranceOf(spec, from);
  // An exact tolerance is within: doubles are compared with one part in 10^12 of slack.
  if (Math.abs(delta) <= tolerance * (1 + 1e-12)) return { kind: "within-tolerance" };
  return { kind: delta > 0 === (spec.goal === "higher") ? "better" : "worse" };
}

function toleranceOf(spec: MetricReading, from: number): number {
  if (spec.tolerance === null) return 0;
  return spec.tolerance.kind === "absolute" ? spec.tolerance.value : spec.tolerance.value * Math.abs(from);
}

/** Whether a metric passes its gate; a value that is missing or not finite is unknown, which does not pass. */
export function judgeGate(gate: NonNullable<MetricSpec["gate"]>, value: MetricValue | undefined): GateVerdict {
  const text = `${gate.operator} ${gate.bound}`;
  if (typeof value !== "number") return { kind: "unknown", gate: text };
  return { kind: holds(gate, value) ? "passed" : "failed", gate: text };
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
