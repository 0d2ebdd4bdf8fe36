import type { RunId } from "../../identity/identity.ts";
import type { RepositoryRef } from "../../identity/repository.ts";
import type { At } from "../serve/at.ts";
import { LIVE, waitingRun, type LiveRun } from "./live-run.ts";
import type { Progress } from "./progress.ts";
import type { Begun } from "../serve/parts.ts";
import { followTopic, type Told } from "../../queue/followers.ts";
import type { StepProgress } from "../../run/step-progress.ts";

export interface TellLive {
  begun(what: Begun): void;
  progress(progress: Progress, event: StepProgress): void;
  /** The run is over: nothing of it is kept any more but for whoever is still reading along. */
  over(): Promise<void>;
  close(): Promise<void>;
}

const WRITE_EVERY_MS = 1_000;

/** Keeps a run's line in the queue true while it is executed, and tells its followers which steps have ended. */
export function tellLive({ queue, followers, service }: At, ref: RepositoryRef, run: RunId): TellLive {
  const { onError } = service.parts;
  let line: LiveRun | undefined;
  let changed = false;
  const ended = new Map<string, Told>();
  const untold = new Set<string>();
  let writing: Promise<void> | undefined;

  async function write(): Promise<void> {
    if (changed && line !== undefined) {
      changed = false;
      await queue.table.put(LIVE, run, { ...line });
    }
    if (untold.size === 0 || !followers.of(run)) return;
    const messages = [...untold].flatMap((step) => {
      const body = ended.get(step);
      return body === undefined ? [] : [{ id: `ended-${step}`, body }];
    });
    untold.clear();
    await queue.bus.publish(followTopic(run), messages);
  }
  const quietly = (): Promise<void> =>
    (writing ??= write()
      .catch(onError)
      .finally(() => (writing = undefined)));
  const timer = setInterval(() => void quietly(), WRITE_EVERY_MS).unref();

  return {
    begun({ order, steps, pools }) {
      const began = service.parts.clock.now();
      line = { ...waitingRun(ref, order), began, total: steps.length, steps, pools };
      changed = true;
      void quietly();
    },
    progress({ done, total }, event) {
      if (line !== undefined) line = { ...line, done, total };
      changed = true;
      const told = toldOf(event);
      if (told === undefined || ended.has(told.step)) return;
      ended.set(told.step, told);
      untold.add(told.step);
    },
    async over() {
      clearInterval(timer);
      await quietly();
      await quietly();
      await queue.table.remove(LIVE, run);
      if (!followers.of(run)) await queue.bus.drop(followTopic(run));
    },
    async close() {
      clearInterval(timer);
      await writing;
    },
  };
}

function toldOf(event: StepProgress): Extract<Told, { kind: "ended" }> | undefined {
  if (event.kind === "cached")
    return { kind: "ended", step: event.step.name, outcome: "cached", log: event.result.made.log };
  if (event.kind !== "ended") return undefined;
  const { end, step } = event;
  return { kind: "ended", step: step.name, outcome: end.kind, log: end.attempt?.log ?? null };
}
