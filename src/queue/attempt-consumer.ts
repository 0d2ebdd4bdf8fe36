import type { Json } from "../identity/canonical-json.ts";
import type { Room } from "../scheduling/queued-step.ts";
import { roomGate } from "../scheduling/room.ts";
import { attemptEnd, cancelFlags, parseAttempt } from "./attempt-messages.ts";
import type { Consumer, Performed, Queue, TakenJob } from "./queue.ts";

export interface AttemptConsumerOptions {
  readonly queue: Queue;
  /** The pool whose attempts are taken. */
  readonly pool: string;
  /** How many at once. */
  readonly concurrency: number;
  /** What this machine has for all of them together. */
  readonly room: Room;
  /** What an attempt takes of it; asked only of what is read. */
  readonly demandOf: (job: Json) => Room;
  /** Whether anything can be performed here yet; nothing is taken before, and it is not asked after. */
  readonly ready: () => boolean;
  /** Whether this version understands what a dispatcher encoded; what it does not is left to newer workers. */
  readonly reads: (job: Json) => boolean;
  /**
   * Performs what a dispatcher encoded; an exception is told to the dispatcher as "broken". `lost` is the part of the
   * signal that says that somebody else may have it by now.
   */
  readonly perform: (job: Json, signal: AbortSignal, lost: AbortSignal) => Promise<Json>;
  readonly onError: (error: unknown) => void;
}

const LOOK_FOR_CANCELS_MS = 500;
/** An attempt that does not fit in here is offered to others for so long. */
const NOT_HERE_MS = 1_000;
/** An attempt that we do not understand is offered to others for so long. */
const NOT_OURS_MS = 5_000;
const LOOK_FOR_READY_MS = 1_000;
const LOST = "its worker died, or could no longer be reached";

/**
 * The worker's side of `queueDispatcher`: takes attempts of a pool, performs them, and publishes each end before the
 * queue forgets the job. Killed in between, the attempt comes again and is not performed again; killed before, it comes
 * again and is told as lost. The first end of an attempt that is published is its end.
 */
export async function attemptConsumer(options: AttemptConsumerOptions): Promise<Consumer> {
  const { queue, pool, concurrency, onError } = options;
  const gate = roomGate(options.room);
  const running = new Map<string, AbortController>();
  const timer = setInterval(() => {
    if (running.size > 0) void cancelFlagged().catch(onError);
  }, LOOK_FOR_CANCELS_MS).unref();

  async function cancelFlagged(): Promise<void> {
    for (const { key } of await queue.table.entries(cancelFlags(pool))) running.get(key)?.abort(new Error("cancelled"));
  }

  async function perform(queued: TakenJob, lost: AbortSignal): Promise<Performed> {
    const attempt = parseAttempt(queued.payload);
    if (attempt === undefined || !options.reads(attempt.job)) {
      onError(new Error(`attempt ${queued.id} of ${pool} is of another version of Sluice: renew this worker`));
      return { kind: "again", afterMs: NOT_OURS_MS };
    }
    // Given out again after its end: its worker died in between, or its dispatcher began anew and did not know.
    if (await queue.bus.has(attempt.topic, queued.id)) return { kind: "done" };
    if (queued.lost > 0) {
      // Whatever its old holder still says comes too late: this end is published under the same id.
      await queue.bus.publish(attempt.topic, [{ id: queued.id, body: attemptEnd({ kind: "lost", why: LOST }) }]);
      return { kind: "done" };
    }
    const demand = options.demandOf(attempt.job);
    // A pool's machines need not be alike: another one may have what this one has not.
    if (!gate.fits(demand)) return { kind: "again", afterMs: NOT_HERE_MS };
    const cancelled = new AbortController();
    running.set(queued.id, cancelled);
    const signal = AbortSignal.any([cancelled.signal, lost]);
    const leave = await gate.enter(demand, signal);
    try {
      const end = await ended(attempt.job, signal, lost);
      // Somebody else performs it by now, or will after our restart: what was cut short here is no end.
      if (lost.aborted) return { kind: "again", afterMs: 0 };
      await queue.bus.publish(attempt.topic, [{ id: queued.id, body: end }]);
      if (cancelled.signal.aborted) await queue.table.remove(cancelFlags(pool), queued.id);
      return { kind: "done" };
    } finally {
      leave?.();
      running.delete(queued.id);
    }
  }

  async function ended(job: Json, signal: AbortSignal, lost: AbortSignal): Promise<Json> {
    try {
      return attemptEnd({ kind: "ended", value: await options.perform(job, signal, lost) });
    } catch (error) {
      // Of this only a line goes into the run's record: the rest is for whoever reads this worker's log.
      onError(error);
      return attemptEnd({ kind: "broken", error });
    }
  }

  const consumer = await onceReady(options, () =>
    queue.jobs.consume(pool, { concurrency, perform, onError: (_job, error) => onError(error) }),
  );
  return {
    async close(how) {
      await consumer.close(how);
      clearInterval(timer);
    },
  };
}

/** Who took what it cannot perform would be idle always, and win most of it from those who can. */
async function onceReady(
  { ready, onError }: Pick<AttemptConsumerOptions, "ready" | "onError">,
  open: () => Promise<Consumer>,
): Promise<Consumer> {
  if (ready()) return open();
  let opening: Promise<Consumer | undefined> | undefined;
  const timer = setInterval(() => {
    if (opening !== undefined || !ready()) return;
    opening = open().catch((error: unknown) => {
      onError(error);
      return (opening = undefined);
    });
  }, LOOK_FOR_READY_MS).unref();
  return {
    async close(how) {
      clearInterval(timer);
      await (await opening)?.close(how);
    },
  };
}
