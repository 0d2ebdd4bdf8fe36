import type { PolicyVerdict } from "../policy/judge-plan.ts";
import type { PlanCost } from "../policy/plan-cost.ts";
import type { Forecast, StepForecast, Verdict, WorkOrder, WorkStep } from "../plan/plan.ts";
import { isError, type Problem } from "../problem/problem.ts";
import { planTime } from "../scheduling/plan-time.ts";
import { roughDuration } from "./duration.ts";
import { counted, formatUsd } from "./words.ts";

/** One pipeline as a plan shows it; without work order and forecast where problems keep it from having them. */
export interface PlanView {
  readonly name: string;
  readonly path: string;
  readonly order: WorkOrder | null;
  readonly forecast: Forecast | null;
  readonly problems: readonly Problem[];
  /** US dollars; null where no pool has a price, unknown where one has and a step's time is not known. */
  readonly costUsd: PlanCost;
  readonly policies: readonly PolicyVerdict[];
  /** What the change's own settings would say otherwise. */
  readonly shadow?: readonly PolicyVerdict[];
}

/** A row of a plan's table. */
export interface PlanRow {
  readonly kind: Verdict["kind"] | "removed";
  readonly name: string;
  readonly step: WorkStep | undefined;
  readonly forecast: StepForecast | undefined;
}

export interface PlanCounts {
  readonly run: number;
  readonly depends: number;
  readonly cached: number;
  readonly withheld: number;
  readonly removed: number;
}

const ranks: Readonly<Record<PlanRow["kind"], number>> = { run: 0, depends: 1, removed: 2, withheld: 3, cached: 4 };

/** Rows with what happens first; equal kinds keep the topological order. */
export function planRows(view: PlanView): readonly PlanRow[] {
  if (view.order === null || view.forecast === null) return [];
  const steps = new Map(view.order.steps.map((step) => [step.name, step]));
  const rows: PlanRow[] = view.forecast.steps.map((forecast) => ({
    kind: forecast.verdict.kind,
    name: forecast.step,
    step: steps.get(forecast.step),
    forecast,
  }));
  for (const name of view.forecast.removed) rows.push({ kind: "removed", name, step: undefined, forecast: undefined });
  return rows.sort((a, b) => ranks[a.kind] - ranks[b.kind]);
}

export function countsOf(view: PlanView): PlanCounts {
  const counts = { run: 0, depends: 0, cached: 0, withheld: 0, removed: view.forecast?.removed.length ?? 0 };
  for (const { verdict } of view.forecast?.steps ?? []) counts[verdict.kind]++;
  return counts;
}

/** True where a run would compute nothing. */
export function isUnchanged(view: PlanView): boolean {
  const counts = countsOf(view);
  return !isBroken(view) && counts.run + counts.depends + counts.removed === 0 && view.problems.length === 0;
}

export function isBroken(view: PlanView): boolean {
  return view.order === null || view.problems.some(isError);
}

/** `1 step runs, 1 depends, 1 cached · about 45 s · $0.01`. */
export function headline(view: PlanView, slots: number): string {
  if (isBroken(view)) {
    const errors = view.problems.filter(isError).length;
    const found = errors > 0 ? counted(errors, "problem") : counted(view.problems.length, "warning");
    return `${found}, nothing will run`;
  }
  const counts = countsOf(view);
  const parts = [
    counts.run > 0 ? `${counted(counts.run, "step")} ${counts.run === 1 ? "runs" : "run"}` : "",
    counts.depends > 0
      ? counts.run > 0
        ? `${counts.depends} ${one(counts.depends, "depends", "depend")}`
        : `${counted(counts.depends, "step")} ${one(counts.depends, "depends", "depend")}`
      : "",
    counts.run + counts.depends === 0 ? "nothing to run" : "",
    counts.cached > 0 ? `${counts.cached} cached` : "",
    counts.removed > 0 ? `${counts.removed} removed` : "",
    counts.withheld > 0 ? `${counts.withheld} left out` : "",
  ].filter((part) => part !== "");
  const cost = costWords(view.costUsd);
  const time = counts.run + counts.depends === 0 ? "" : ` · ${totalTime(view, slots).sentence}`;
  return `${parts.join(", ")}${time}${cost}`;
}

function costWords(cost: PlanCost): string {
  if (cost === null) return "";
  return cost === "unknown" ? " · cost unknown" : ` · ${formatUsd(cost)}`;
}

function one(count: number, singular: string, plural: string): string {
  return count === 1 ? singular : plural;
}

/** The predicted time of the whole plan as a number and in words; `unknown` counts steps without three measurements. */
export function totalTime(
  { order, forecast }: PlanView,
  slots: number,
): { readonly ms: number; readonly unknown: number; readonly sentence: string } {
  const { ms, known, unknown } = planTime(order, forecast, slots);
  return { ms, unknown, sentence: timeSentence(ms, known, unknown) };
}

function timeSentence(ms: number, known: number, unknown: number): string {
  if (known === 0) return "time unknown";
  return unknown === 0
    ? `about ${roughDuration(ms)}`
    : `about ${roughDuration(ms)} and ${counted(unknown, "step")} of unknown time`;
}

/** Names of steps with neither an image nor a lock that pins what is installed. */
export function unpinned(view: PlanView): readonly string[] {
  const steps = view.order?.steps ?? [];
  return steps
    .filter(
      ({ document, loose }) =>
        document.image === null && (loose === true || (document.environment?.lock ?? null) === null),
    )
    .map((step) => step.name);
}
