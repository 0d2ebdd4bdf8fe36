import { diffRuns } from "../diff/run-diff.ts";
import type { RunRecord } from "../run/run-record.ts";
import type { Evidence } from "./failed-run.ts";
import type { ShownPlot } from "./plot-markdown.ts";
import type { StickyRun } from "./sticky-comment.ts";

/** An accepted run with how far it has got; no progress: nobody has begun it. */
export interface OpenRun {
  readonly run: RunRecord["id"];
  readonly pipeline: string;
  readonly progress: {
    readonly done: number;
    readonly total: number;
    /** Names of steps. */
    readonly running: readonly string[];
    /** RFC 3339 UTC. */
    readonly began: string;
  } | null;
}

/** A recorded run with the run that it is compared with. */
export interface EndedRun {
  readonly record: RunRecord;
  readonly baseline: RunRecord | null;
}

/** A run that has not ended, as reports show it. */
export function openRun({ run, pipeline, progress }: OpenRun): StickyRun {
  if (progress === null) return { kind: "waiting", run, pipeline, why: "accepted, and about to begin" };
  return { kind: "under-way", run, pipeline, ...progress };
}

/** A run that has ended, as reports show it; `label` names the baseline's branch. */
export function endedRun(
  { record, baseline }: EndedRun,
  more: {
    readonly label: string;
    readonly evidence: (run: RunRecord) => Evidence;
    readonly plots: (run: RunRecord) => readonly ShownPlot[];
  },
): StickyRun {
  return {
    kind: "ended",
    record,
    baseline: baseline === null ? null : { diff: diffRuns(baseline, record), label: more.label },
    evidence: more.evidence(record),
    plots: more.plots(record),
  };
}
