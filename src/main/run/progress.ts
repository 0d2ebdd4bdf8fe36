import type { StepProgress } from "../../run/step-progress.ts";

/** How far a run has got, in steps. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}

/** Counts what a coordinator says. */
export function progressOf(
  total: number,
  tell: (progress: Progress, event: StepProgress) => void,
): (event: StepProgress) => void {
  let done = 0;
  return (event) => {
    if (event.kind !== "cached" && event.kind !== "ended") return;
    done++;
    tell({ done, total }, event);
  };
}
