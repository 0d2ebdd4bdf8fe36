import type { Json } from "../identity/canonical-json.ts";
import type { RunId } from "../identity/identity.ts";
import type { Change } from "../plan/plan.ts";

/** Two runs side by side as reports show them; figures are formatted by whoever compared them. */
export interface DiffView {
  readonly from: DiffSide;
  readonly to: DiffSide;
  readonly overall: Overall;
  readonly metrics: readonly MetricView[];
  readonly params: readonly { readonly name: string; readonly from: Json | undefined; readonly to: Json | undefined }[];
  readonly code: readonly FileChange[];
  readonly data: readonly { readonly name: string; readonly from: string | null; readonly to: string | null }[];
  readonly environment: readonly Extract<Change, { kind: "environment" | "image" }>[];
  readonly steps: readonly StepDiff[];
  readonly outputs: readonly FileChange[];
}

export interface DiffSide {
  readonly run: RunId;
  /** `main`, a branch, a commit: how the reader asked for it; null when by its id. */
  readonly label: string | null;
}

export type Overall = "better" | "worse" | "mixed" | "within-tolerance" | "equal" | "not-comparable" | "no-metrics";

export interface FileChange {
  readonly path: string;
  readonly change: "added" | "removed" | "changed";
}

export interface StepDiff {
  readonly name: string;
  /** Outcomes; null where the run has no such step. */
  readonly from: string | null;
  readonly to: string | null;
  /** Wall times in milliseconds of what was computed, null where it was not. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

export interface MetricView {
  readonly name: string;
  readonly goal: "higher" | "lower" | null;
  readonly from: string | null;
  readonly to: string | null;
  /** With its sign, `+0.0041` or `−0.0003`; null where there is none. */
  readonly delta: string | null;
  readonly verdict: "better" | "worse" | "within-tolerance" | "equal" | "changed" | "missing" | "not-finite" | "not-comparable" | "new";
  readonly tolerance: string | null;
  readonly gate: { readonly text: string; readonly passed: boolean } | null;
}
