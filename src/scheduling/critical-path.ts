/** A step as scheduling sees it: its name and the names that must end before it. */
export interface Precedence {
  readonly name: string;
  readonly after: readonly string[];
}

/**
 * The longest way from each step to the end of the graph, its own duration included, in milliseconds:
 * starting the largest first is list scheduling by critical path (Graham 1969).
 * `steps` must stand in a topological order.
 */
export function criticalPaths(
  steps: readonly Precedence[],
  durationOf: (name: string) => number,
): ReadonlyMap<string, number> {
  const below = new Map<string, number>();
  const paths = new Map<string, number>();
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i];
    if (step === undefined) continue;
    const path = durationOf(step.name) + (below.get(step.name) ?? 0);
    paths.set(step.name, path);
    for (const before of step.after) {
      if (path > (below.get(before) ?? 0)) below.set(before, path);
    }
  }
  return paths;
}
