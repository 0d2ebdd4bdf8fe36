import type { Following, StepContext } from "../../controller/run-step/step-context.ts";
import { logTail } from "../../executor/log-tail.ts";
import type { RunId } from "../../identity/identity.ts";
import { followTopic, type Followers, type Told } from "../../queue/followers.ts";
import type { Queue } from "../../queue/queue.ts";

const LOOK_MS = 250;

interface Reader {
  readonly queue: Pick<Queue, "bus">;
  readonly followers: Pick<Followers, "of">;
  readonly onError: (error: unknown) => void;
}

/** A part of main.ts for workers: what the steps of a run write, told to whoever follows it, and to nobody otherwise. */
export function readAlong({ queue, followers, onError }: Reader, run: RunId): NonNullable<StepContext["follow"]> {
  return (job, log, secrets): Following => {
    const tail = logTail(log, secrets);
    let pieces = 0;
    let telling: Promise<void> | undefined;

    async function tell(text: string): Promise<void> {
      const body: Told = { kind: "text", step: job.step.name, attempt: job.attempt, text };
      await queue.bus.publish(followTopic(run), [{ id: `${job.id}-${pieces++}`, body }]);
    }
    function look(): void {
      if (telling !== undefined || !followers.of(run)) return;
      const text = tail.read();
      if (text === "") return;
      telling = tell(text)
        .catch(onError)
        .finally(() => (telling = undefined));
    }
    const timer = setInterval(look, LOOK_MS).unref();
    let rest: string | undefined;
    const drain = (): void => {
      clearInterval(timer);
      // Nobody who never read along is told the end of it: the log that is kept is whole.
      rest ??= followers.of(run) || pieces > 0 ? tail.end() : "";
    };
    return {
      drain,
      async end() {
        drain();
        await telling;
        if (rest !== undefined && rest !== "") await tell(rest).catch(onError);
        rest = "";
      },
    };
  };
}
