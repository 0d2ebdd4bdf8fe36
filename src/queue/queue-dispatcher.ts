import type { Json } from "../identity/canonical-json.ts";
import type { RunId } from "../identity/identity.ts";
import { cancelFlags, endsTopic, parseEnd, type AttemptMessage } from "./attempt-messages.ts";
import type { Dispatcher, Ended } from "./dispatcher.ts";
import type { Queue } from "./queue.ts";

export interface QueueDispatcherOptions<Job, End> {
  readonly queue: Queue;
  /** The queue whose workers perform the jobs. */
  readonly pool: string;
  readonly run: RunId;
  /** How many jobs may be under way at once. */
  readonly slots: number;
  readonly encode: (job: Job) => Json;
  /** Throws when the value is none; the job then ends as broken. */
  readonly decode: (end: Json) => End;
  /** The end of a job that was cancelled before any worker took it. */
  readonly cancelled: (job: Job) => End;
  /** The end of a job whose worker died. */
  readonly lost: (job: Job, why: string) => End;
  /** Lower comes first; default 100. */
  readonly priority?: (job: Job) => number;
  readonly onError: (error: unknown) => void;
}

/** A dispatcher that outlives its process: what ended before is told again when it is dispatched again. */
export interface QueueDispatcher<Job extends { readonly id: string }, End> extends Dispatcher<Job, End> {
  /** Whether the end of a job that was not dispatched here is known. */
  knows(id: string): boolean;
  /** Whether a job is in the queue or with a worker; if so, tells when it has ended, also after this is closed. */
  handed(id: string): (() => Promise<boolean>) | undefined;
}

const ADD_AGAIN_MS = 500;

/**
 * Hands jobs to the workers of a pool; their ends come back on the run's topic. The id of a job names one attempt for
 * ever: dispatched again after a restart, it is not performed twice, and an end that was published meanwhile is told.
 * Closing it stops no job. `bus.drop(endsTopic(run))` when the run is over.
 */
export async function queueDispatcher<Job extends { readonly id: string }, End>(
  options: QueueDispatcherOptions<Job, End>,
): Promise<QueueDispatcher<Job, End>> {
  const { queue, pool, run, onError } = options;
  const topic = endsTopic(run);
  const underWay = new Map<string, Job>();
  const adding = new Map<string, Promise<void>>();
  const flagged = new Set<string>();
  const early = new Map<string, AttemptMessage>();
  const ends: { readonly job: Job; readonly end: Ended<End> }[] = [];
  const waiters: ((value: { readonly job: Job; readonly end: Ended<End> }) => void)[] = [];
  let closed = false;
  let batch: Job[] = [];

  function tell(id: string, message: AttemptMessage): void {
    const job = underWay.get(id);
    if (job === undefined) early.set(id, message);
    else deliver(job, ended(job, message));
  }

  function deliver(job: Job, end: Ended<End>): void {
    const { id } = job;
    underWay.delete(id);
    adding.delete(id);
    if (flagged.delete(id)) void queue.table.remove(cancelFlags(pool), id).catch(onError);
    const waiter = waiters.shift();
    if (waiter === undefined) ends.push({ job, end });
    else waiter({ job, end });
  }

  function ended(job: Job, message: AttemptMessage): Ended<End> {
    if (message.kind === "broken") return message;
    if (message.kind === "lost") return { kind: "ended", value: options.lost(job, message.why) };
    try {
      return { kind: "ended", value: options.decode(message.value) };
    } catch (error) {
      return { kind: "broken", error };
    }
  }

  /** All jobs of one turn in one command, repeated until the queue has taken them. */
  async function addBatch(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    const jobs = batch;
    batch = [];
    for (;;) {
      try {
        await queue.jobs.add(pool, jobs.map(queued));
        return;
      } catch (error) {
        onError(error);
        await new Promise((resolve) => setTimeout(resolve, ADD_AGAIN_MS).unref());
        if (closed) return;
      }
    }
  }

  function queued(job: Job): Parameters<Queue["jobs"]["add"]>[1][number] {
    const priority = options.priority?.(job);
    return {
      id: job.id,
      payload: { topic, job: options.encode(job) },
      once: true,
      ...(priority !== undefined && { priority }),
    };
  }

  let lastAdd: Promise<void> = Promise.resolve();
  function dispatch(job: Job): void {
    underWay.set(job.id, job);
    const already = early.get(job.id);
    if (already !== undefined) {
      early.delete(job.id);
      tell(job.id, already);
      return;
    }
    if (batch.push(job) === 1) lastAdd = addBatch();
    adding.set(job.id, lastAdd);
  }

  async function cancel(id: string): Promise<void> {
    await adding.get(id);
    const job = underWay.get(id);
    if (job === undefined) return;
    if (await queue.jobs.remove(pool, id)) {
      deliver(job, { kind: "ended", value: options.cancelled(job) });
      return;
    }
    flagged.add(id);
    await queue.table.put(cancelFlags(pool), id, true);
    // It may have ended meanwhile, and then nobody would take the flag away.
    if (!underWay.has(id)) await queue.table.remove(cancelFlags(pool), id);
  }

  const subscription = await queue.bus.subscribe(topic, ({ id, body }) => tell(id, parseEnd(body)));
  return {
    slots: options.slots,
    knows: (id) => early.has(id),
    handed: (id) => (underWay.has(id) ? () => queue.bus.has(topic, id) : undefined),
    dispatch,
    next() {
      const first = ends.shift();
      if (first !== undefined) return Promise.resolve(first);
      return new Promise((resolve) => waiters.push(resolve));
    },
    cancel: (id) => void cancel(id).catch(onError),
    async [Symbol.asyncDispose]() {
      closed = true;
      await subscription.close();
      await lastAdd;
    },
  };
}
