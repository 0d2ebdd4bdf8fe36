import { readBy } from "../run/near-miss.ts";
import type { StepProgress } from "../run/step-progress.ts";
import type { RunProgress } from "../report/run-progress.ts";

/** What the coordinator says, as reports put it. */
export function seenBy(progress: StepProgress): RunProgress | undefined {
  const step = progress.step.name;
  switch (progress.kind) {
    case "cached":
      return { kind: "cached", step, from: progress.result.made.run };
    case "started":
      return { kind: "started", step, attempt: progress.attempt, cause: progress.cause };
    case "retrying":
      return {
        kind: "retrying",
        step,
        failure: progress.failure,
        attempt: progress.attempt - 1,
        delayMs: progress.delayMs,
      };
    case "gate":
      return { kind: "gate", step, failure: progress.failure, stops: progress.stops };
    case "ended":
      return endSeen(progress.step, progress.end);
    default:
      return progress satisfies never;
  }
}

type Ended = Extract<StepProgress, { kind: "ended" }>;

function endSeen({ name: step, inputs }: Ended["step"], end: Ended["end"]): RunProgress {
  if (end.kind === "succeeded")
    return {
      kind: "succeeded",
      step,
      profile: end.attempt.profile,
      nonDeterministic: end.different.length > 0,
      remarks: end.remarks ?? [],
    };
  if (end.kind === "failed") {
    const { failure, attempt } = end;
    return { kind: "failed", step, failure, wallMs: attempt.profile.wallMs, read: readBy(inputs) };
  }
  return { kind: "cancelled", step };
}
