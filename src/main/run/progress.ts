import type { StepProgress } from "../../run/step-progress.ts";

/** How far a run has got, in steps. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  /** Names of some that run now. */
  readonly running: readonly string[];
}

/** As many as people read. */
const NAMED = 3;

/** Counts what a coordinator says. */
export function progressOf(
  total: number,
  tell: (progress: Progress, event: StepProgress) => void,
): (event: StepProgress) => void {
  let done = 0;
  const running = new Set<string>();
  return (event) => {
    const { name } = event.step;
    if (event.kind === "gate") return;
    if (event.kind === "started") running.add(name);
    else running.delete(name);
    if (event.kind === "cached" || event.kind === "ended") done++;
    tell({ done, total, running: [...running].slice(0, NAMED) }, event);
  };
}
