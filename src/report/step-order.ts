import { sortTopologically } from "../pipeline/graph.ts";
import type { RunRecord, StepRecord } from "../run/run-record.ts";

/** Steps of a record in the order in which they could run: a manifest keeps them by name. */
export function inOrder(steps: RunRecord["steps"]): readonly StepRecord[] {
  const producers = new Map<string, string>();
  for (const step of steps) for (const output of step.document?.outputs ?? []) producers.set(output.path, step.name);
  const items = steps.map((record) => ({ step: { name: record.name }, after: before(record, producers), record }));
  const sorted = sortTopologically(items, () => undefined).map((item) => item.record);
  return sorted.length === steps.length ? sorted : steps;
}

function before(record: StepRecord, producers: ReadonlyMap<string, string>): readonly string[] {
  const names = new Set<string>();
  if (record.outcome.kind === "not-started") names.add(record.outcome.because);
  for (const { path } of record.document?.inputs ?? []) {
    const producer = producerOf(path, producers);
    if (producer !== undefined) names.add(producer);
  }
  names.delete(record.name);
  return [...names];
}

/** The step whose declared output is this path or a directory above it. */
function producerOf(path: string, producers: ReadonlyMap<string, string>): string | undefined {
  for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
    const producer = producers.get(path.slice(0, end));
    if (producer !== undefined) return producer;
  }
  return undefined;
}
