import type { RunRecord, StepRecord } from "../run/run-record.ts";

/**
 * Answers for a step of each run which dataset keeps their metrics from being compared: one whose digest only one of
 * the two closures has (SEMANTICS §9). A dataset under another name with the same bytes is the same data.
 */
export function dataComparison(
  from: RunRecord,
  to: RunRecord,
): (fromStep: string, toStep: string) => string | undefined {
  const [before, after] = [closures(from), closures(to)];
  return (fromStep, toStep) => {
    const [old, now] = [before(fromStep), after(toStep)];
    const added = [...now].find(([digest]) => !old.has(digest));
    return (added ?? [...old].find(([digest]) => !now.has(digest)))?.[1];
  };
}

/** Datasets that a step reads itself or through the steps before it: name by digest. */
type Closure = ReadonlyMap<string, string>;

function closures(run: RunRecord): (step: string) => Closure {
  const names = new Map(run.datasets.map((dataset) => [dataset.path, dataset.name]));
  const all: Closure = new Map(run.datasets.map((dataset) => [dataset.digest, dataset.name]));
  const steps = new Map(run.steps.map((step) => [step.name, step]));
  const producers = new Map(
    run.steps.flatMap((step) => (step.document?.outputs ?? []).map((output) => [output.path, step] as const)),
  );
  const known = new Map<string, Closure>();
  return (name) => {
    const step = steps.get(name);
    // Without key documents nobody can tell who read what, so all of it counts.
    if (step === undefined || step.document === null) return all;
    const found = known.get(name) ?? walk(step, { names, producers });
    known.set(name, found);
    return found;
  };
}

interface Graph {
  readonly names: ReadonlyMap<string, string>;
  readonly producers: ReadonlyMap<string, StepRecord>;
}

function walk(step: StepRecord, { names, producers }: Graph): Closure {
  const found = new Map<string, string>();
  const seen = new Set([step.name]);
  const todo = [step];
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    for (const input of at.document?.inputs ?? []) {
      if (input.kind === "dataset") found.set(input.digest, names.get(input.path) ?? input.path);
      const producer = producerOf(producers, input.path);
      if (producer === undefined || seen.has(producer.name)) continue;
      seen.add(producer.name);
      todo.push(producer);
    }
  }
  return found;
}

/** The step whose declared output is this path or a directory above it. */
function producerOf(producers: Graph["producers"], path: string): StepRecord | undefined {
  for (let at = path; ; at = at.slice(0, at.lastIndexOf("/"))) {
    const producer = producers.get(at);
    if (producer !== undefined || !at.includes("/")) return producer;
  }
}
