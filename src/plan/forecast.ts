import { concreteDocument } from "../key/concrete.ts";
import { keyOf, type KeyDocument, type StepResult } from "../key/key-document.ts";
import { differences } from "./difference.ts";
import type { Cause, Change, Facts, Forecast, PastStep, StepForecast, Verdict, WorkOrder, WorkStep } from "./plan.ts";

export interface ForecastOptions {
  readonly forced: ReadonlySet<string>;
  readonly withEffects: boolean;
  /** Of a deploy pipeline: a release alone runs it. */
  readonly deploys?: boolean;
  /** A forecast of the same order by the same results, made without a past: what it found cached stays so. */
  readonly earlier?: Forecast;
}

interface Judging {
  readonly order: WorkOrder;
  readonly facts: Facts;
  readonly options: ForecastOptions;
  readonly results: Map<string, StepResult>;
  readonly verdicts: Map<string, Verdict>;
  /** Steps that run for a reason of their own, above each step that hangs on them. */
  readonly roots: Map<string, readonly string[]>;
}

/** Says of every step whether it runs, is cached or depends, and why; a pure function of order and facts. */
export function forecast(order: WorkOrder, facts: Facts, options: ForecastOptions): Forecast {
  const judging: Judging = { order, facts, options, results: new Map(), verdicts: new Map(), roots: new Map() };
  for (const [at, step] of order.steps.entries()) {
    const earlier = options.earlier?.steps[at]?.verdict;
    const verdict = earlier?.kind === "cached" ? earlier : judge(judging, step);
    if (verdict.kind === "cached") judging.results.set(step.name, verdict.result);
    judging.verdicts.set(step.name, verdict);
    judging.roots.set(step.name, rootsOf(judging, step, verdict));
  }
  const work = [...judging.verdicts.values()].some((verdict) => verdict.kind !== "cached");
  return {
    steps: order.steps.map((step) => forecastOf(judging, step, work)),
    removed: work ? removedSteps(order, facts.previous()) : [],
  };
}

function forecastOf(judging: Judging, step: WorkStep, work: boolean): StepForecast {
  const verdict = judging.verdicts.get(step.name);
  if (verdict === undefined) throw new Error(`forecasting: no verdict on ${step.name}`);
  const time = work && verdict.kind !== "cached" ? timeOf(judging.facts.durations(step.id)) : null;
  return { step: step.name, verdict, time };
}

function judge(judging: Judging, step: WorkStep): Verdict {
  const { facts, options, results } = judging;
  if (step.step.effects && !options.withEffects) {
    const by = options.deploys === true ? "a release runs it" : "`--with-effects` runs it";
    return { kind: "withheld", why: `it changes the outside world: ${by}` };
  }
  const left = step.after.filter((name) => judging.verdicts.get(name)?.kind === "withheld");
  if (left.length > 0) {
    const names = left.map((name) => `\`${name}\``).join(", ");
    return { kind: "withheld", why: `it comes after ${names}, which is left out: \`--with-effects\` runs both` };
  }
  const document = concreteDocument(step.document, step.inputs, {
    result: (name) => results.get(name),
    part: (directory, path) => facts.part(directory, path),
  });
  if (document === undefined) return depends(judging, step);
  const key = keyOf(document);
  if (options.forced.has(step.name)) return { kind: "run", key, cause: { kind: "forced" } };
  if (step.step.effects) return { kind: "run", key, cause: { kind: "uncached", why: "effects" } };
  if (!step.step.cache) return { kind: "run", key, cause: { kind: "uncached", why: "cache: false" } };
  const result = facts.result(key);
  if (result === undefined) return { kind: "run", key, cause: causeOf(judging, step, { key, document }) };
  return { kind: "cached", key, result, from: result.made.run };
}

/** An upstream step runs: whether this one does depends on the bytes it gives, unless it has changes of its own. */
function depends(judging: Judging, step: WorkStep): Verdict {
  const on = [
    ...new Set(
      step.inputs.flatMap((input) => (input.kind === "output" && !judging.results.has(input.step) ? [input.step] : [])),
    ),
  ];
  const root = [...new Set(on.flatMap((name) => judging.roots.get(name) ?? []))];
  const past = previousOf(judging.facts.previous(), step);
  const own =
    past === undefined
      ? []
      : differences(past.document, step.document, () => undefined).filter((change) => !isUpstream(step, change));
  return { kind: "depends", on, root, changes: own };
}

/** Symbols never equal the digests of a past document: such entries say nothing about this step itself. */
function isUpstream(step: WorkStep, change: Change): boolean {
  return (
    change.kind === "input" &&
    change.change === "changed" &&
    step.inputs.some((input) => input.kind === "output" && input.path === change.path)
  );
}

function causeOf(
  { facts }: Judging,
  step: WorkStep,
  { key, document }: { readonly key: PastStep["key"]; readonly document: KeyDocument },
): Cause {
  if (facts.evicted(key)) return { kind: "evicted" };
  const past = previousOf(facts.previous(), step);
  return past === undefined ? { kind: "first-run" } : causeAgainst(past, step, { key, document });
}

/** Why a step runs whose key has no result here: what differs from when it ran before, else how that ended. */
export function causeAgainst(
  past: PastStep,
  step: WorkStep,
  { key, document }: { readonly key: PastStep["key"]; readonly document: KeyDocument },
): Cause {
  if (past.key === key) {
    if (past.result !== null) return { kind: "evicted" };
    return { kind: "unfinished", ...(past.failed !== undefined && { failed: past.failed }) };
  }
  const producer = (path: string): string | undefined =>
    step.inputs.flatMap((input) => (input.kind === "output" && input.path === path ? [input.step] : []))[0];
  return { kind: "changed", changes: differences(past.document, document, producer) };
}

interface PastTable {
  readonly byId: ReadonlyMap<string, PastStep>;
  /** Made when a step is not found by its id, which is rare. */
  readonly byOutputs: () => ReadonlyMap<string, PastStep>;
}
const tables = new WeakMap<readonly PastStep[], PastTable>();

function tableOf(previous: readonly PastStep[]): PastTable {
  const known = tables.get(previous);
  if (known !== undefined) return known;
  const byId = new Map(previous.map((past) => [past.id, past]));
  let made: ReadonlyMap<string, PastStep> | undefined;
  const byOutputs = (): ReadonlyMap<string, PastStep> =>
    (made ??= new Map(
      previous.flatMap((past) =>
        past.document.outputs.length === 0 ? [] : [[JSON.stringify(past.document.outputs), past] as const],
      ),
    ));
  const table = { byId, byOutputs };
  tables.set(previous, table);
  return table;
}

/** The same step in an earlier run: by id, else the one that wrote the same outputs (it was renamed). */
export function previousOf(
  previous: readonly PastStep[],
  step: Pick<WorkStep, "id" | "document">,
): PastStep | undefined {
  const { byId, byOutputs } = tableOf(previous);
  return (
    byId.get(step.id) ??
    (step.document.outputs.length === 0 ? undefined : byOutputs().get(JSON.stringify(step.document.outputs)))
  );
}

function rootsOf(judging: Judging, step: WorkStep, verdict: Verdict): readonly string[] {
  if (verdict.kind === "run") return [step.name];
  if (verdict.kind !== "depends") return [];
  return verdict.changes.length > 0 ? [...new Set([...verdict.root, step.name])] : verdict.root;
}

function removedSteps(order: WorkOrder, previous: readonly PastStep[]): readonly string[] {
  const kept = new Set(order.steps.map((step) => previousOf(previous, step)));
  return previous.filter((past) => !kept.has(past)).map((past) => past.name);
}

/** Median and median absolute deviation, from three measurements on (INTERFACES §7 shows `42 s ± 3`). */
function timeOf(durations: readonly number[]): StepForecast["time"] {
  if (durations.length < 3) return null;
  const middle = median(durations);
  return { medianMs: middle, spreadMs: median(durations.map((duration) => Math.abs(duration - middle))) };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const high = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? high : ((sorted[half - 1] ?? 0) + high) / 2;
}
