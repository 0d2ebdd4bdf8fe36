import type { RunId } from "../../identity/identity.ts";
import type { Failure } from "../../run/run-record.ts";
import type { StepJob } from "../../run/step-job.ts";
import type { BegunAttempts } from "../../store/begun-attempts.ts";

const BEGUN_BEFORE: Failure = {
  kind: "lost",
  why: "it was begun before, its end was never heard of, and what changes the outside world is not begun twice",
};

/**
 * A part of main.ts: notes that an attempt begins. A queue that was emptied hands it out anew, and nobody knows how far it
 * came before: what changes the outside world begins only where that can be known. Undefined: it may begin.
 */
export async function beginAttempt(
  begun: BegunAttempts,
  run: RunId,
  { id, step }: Pick<StepJob, "id" | "step">,
): Promise<Failure | undefined> {
  const { effects } = step.step;
  try {
    if (effects && (await begun.of(run)).some((one) => one.id === id)) return BEGUN_BEFORE;
    await begun.begin(run, id);
    return undefined;
  } catch (error) {
    // Where not even this finds room an attempt that only computes says itself what is wrong.
    return effects ? unnoted(error) : undefined;
  }
}

function unnoted(error: unknown): Failure {
  const words = error instanceof Error ? error.message : String(error);
  const why = "nothing of it was done: what changes the outside world begins only where the store can note that it did";
  return { kind: "lost", why: `${why} (${words.split("\n")[0]?.slice(0, 200)})` };
}
