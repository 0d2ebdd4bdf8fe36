import type { StepResult } from "../key/key-document.ts";
import type { RunRecord, StepRecord } from "../run/run-record.ts";

/** What computing a run again gave. */
export interface Compared {
  /** Digests of outputs and metrics. */
  readonly compared: number;
  readonly differences: readonly { readonly name: string; readonly words: string }[];
  /** Steps with effects, which are never done again. */
  readonly left: readonly string[];
}

/** Compares every output and metric that a run recorded with what its steps gave now, by their names. */
export function compareAgain(
  record: Pick<RunRecord, "steps">,
  {
    results,
    effects,
  }: { readonly results: ReadonlyMap<string, StepResult | null>; readonly effects: ReadonlySet<string> },
): Compared {
  let compared = 0;
  const differences: Compared["differences"][number][] = [];
  const left: string[] = [];
  for (const { name, outcome } of record.steps) {
    if (!endedWell(outcome)) continue;
    if (effects.has(name)) {
      left.push(name);
      continue;
    }
    const again = results.get(name) ?? null;
    const { outputs, metrics } = outcome.facts;
    // Of a step that gives nothing it is compared that it ends well.
    compared += Math.max(1, outputs.length + Object.keys(metrics).length);
    if (again !== null) differences.push(...differencesIn(name, outcome.facts, again.facts));
    else differences.push({ name, words: `${name}: gave no result this time` });
  }
  return { compared, differences, left };
}

/** Whether any step of a run can be compared with what computing it again gives. */
export function isComparable({ steps }: Pick<RunRecord, "steps">, effects: ReadonlySet<string>): boolean {
  return steps.some(({ name, outcome }) => endedWell(outcome) && !effects.has(name));
}

function endedWell(
  outcome: StepRecord["outcome"],
): outcome is Extract<typeof outcome, { kind: "succeeded" | "cached" }> {
  return outcome.kind === "succeeded" || outcome.kind === "cached";
}

type Facts = Extract<StepRecord["outcome"], { kind: "succeeded" }>["facts"];

function differencesIn(step: string, before: Facts, now: Facts): Compared["differences"] {
  const digests = new Map(now.outputs.map(({ path, digest }) => [path, digest]));
  const outputs = before.outputs.flatMap(({ path, digest }) => {
    const is = digests.get(path);
    if (is === digest) return [];
    const words = `${step}: ${path} was ${digest.slice(0, 19)}… and is ${is?.slice(0, 19) ?? "missing"}…`;
    return [{ name: path, words }];
  });
  const metrics = Object.entries(before.metrics).flatMap(([name, value]) => {
    const is = now.metrics[name];
    return is === value
      ? []
      : [{ name: `${step}: ${name}`, words: `${step}: ${name} was ${value} and is ${is ?? "missing"}` }];
  });
  return [...outputs, ...metrics];
}
