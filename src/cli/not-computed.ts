import { failureSentence } from "../report/failure-sentence.ts";
import { safeLine } from "../report/safe-text.ts";
import { terminalVoice } from "../report/voice.ts";
import type { Failure, RunRecord } from "../run/run-record.ts";
import type { StepTrace } from "../run/step-trace.ts";
import { EXIT, Refusal } from "./exit.ts";

/** These say what the machine lacks, and nothing of the step's bytes. */
const LACKS: ReadonlySet<Failure["kind"]> = new Set(["refused", "environment", "lost", "disk-full", "changed-dataset"]);

/**
 * Steps that succeeded when they were recorded and could not be computed here: of them, and of what comes after them,
 * nobody can say whether they give the same. Undefined where there are none.
 */
export function notComputed(
  { steps }: Pick<RunRecord, "steps">,
  id: string,
  traces: readonly StepTrace[],
): Refusal | undefined {
  const recorded = new Set(
    steps.flatMap(({ name, outcome }) => (outcome.kind === "succeeded" || outcome.kind === "cached" ? [name] : [])),
  );
  const lines = traces.flatMap(({ step, result, failure }) =>
    result === null && failure !== null && recorded.has(step.name) && LACKS.has(failure.kind)
      ? [
          `${safeLine(step.name)} could not be computed here: ${failureSentence(failure, terminalVoice())}`,
          nextOf(failure, id),
        ]
      : [],
  );
  if (lines.length === 0) return undefined;
  return new Refusal(EXIT.bad, `run ${id} was not compared, and nothing was recorded\n${lines.join("\n")}`);
}

function nextOf(failure: Failure, id: string): string {
  const again = `sluice reproduce ${id}`;
  if (failure.kind === "refused") return `  next: ${safeLine(failure.next, 400)}`;
  if (failure.kind === "environment") return `  next: ${safeLine(failure.line, 400)}, then \`${again}\``;
  if (failure.kind === "disk-full")
    return `  next: make room (\`sluice gc\` removes what no run needs), then \`${again}\``;
  return `  next: ${again}`;
}
