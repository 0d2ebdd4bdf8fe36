import { randomUUID } from "node:crypto";

import { DelayedError, type Job as BullJob, type JobsOptions } from "bullmq";

import type { Json } from "../identity/canonical-json.ts";
import { correlated, correlation } from "./correlation.ts";
import type { Consumer, Jobs, Performed, QueuedJob, TakenJob } from "./queue.ts";
import { turnAnswers } from "./turn-batch.ts";
import { watchLocks } from "./watch-locks.ts";

/**
 * What a job carries inside BullMQ: its own ids are numbers, ours stands beside the payload, and the payload is JSON
 * text, because PostgreSQL's `jsonb` refuses U+0000 and rewrites numbers.
 */
export interface Carried {
  readonly id: string;
  readonly payload: string;
  /** What it came from, as the log calls it. */
  readonly correlation?: string;
}

/** The job that was added, or the one of its id that was there. */
type AddedJob = Pick<BullJob<Carried>, "id" | "getState" | "promote">;

/** The part of BullMQ's Queue that is used, whatever its backend. */
export interface BullQueue {
  add(name: string, data: Carried, opts: JobOptions): Promise<AddedJob>;
  addBulk(jobs: { name: string; data: Carried; opts: JobOptions }[]): Promise<AddedJob[]>;
  getDeduplicationJobId(id: string): Promise<string | null>;
  getJobState(id: string): Promise<string>;
  remove(id: string): Promise<number>;
  getJobCounts(...types: ("wait" | "prioritized" | "active" | "delayed")[]): Promise<Record<string, number>>;
  upsertJobScheduler(
    id: string,
    repeat: { every: number },
    template: { name: string; data: Carried; opts: { priority: number; removeOnComplete: true; removeOnFail: true } },
  ): Promise<unknown>;
  on(event: "error", listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

/** The part of BullMQ's Worker that is used. */
export interface BullWorker {
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "lockRenewalFailed", listener: (ids: string[]) => void): unknown;
  on(event: "locksRenewed", listener: (renewed: { jobIds: string[] }) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  close(force?: boolean): Promise<void>;
}

type JobOptions = JobsOptions & {
  readonly deduplication?: { readonly id: string; readonly keepLastIfActive?: true };
};

export type Process = (job: BullJob<Carried>, token?: string) => Promise<void>;

/** Makes queues and workers over one backend. */
export interface BullClasses {
  queue(name: string): BullQueue;
  worker(name: string, perform: Process, options: typeof WORKER & { readonly concurrency: number }): BullWorker;
}

/** A holder that died is noticed within 5 s; nothing that holds a lock blocks its event loop for longer than 50 ms. */
const WORKER = {
  lockDuration: 5000,
  lockRenewTime: 1500,
  stalledInterval: 2500,
  /** A server that was away for a moment is asked again before others take us for dead. */
  runRetryDelay: 1000,
  /** A death counts for nothing: attempts are counted by those who decide on steps. */
  maxStalledCount: 1_000_000_000,
  drainDelay: 5,
  removeOnComplete: { count: 0 },
  removeOnFail: { count: 0 },
} as const;

/** BullMQ's events are read by nobody here; it keeps 10,000 of each queue unless told otherwise. */
export const FEW_EVENTS = { streams: { events: { maxLen: 10 } } } as const;

const PRIORITY = 100;
const NAME = /^[A-Za-z0-9._-]+$/;
const SLOWEST_MS = 30_000;

export function bullJobs(bull: BullClasses, onError: (error: unknown) => void): Jobs & AsyncDisposable {
  const queues = new Map<string, BullQueue>();
  const consumers = new Set<Consumer>();
  const woken: WokenJobs = new Map();
  const adders = new Map<string, ReturnType<typeof turnAnswers<CarriedJob, AddedJob>>>();

  function queueOf(name: string): BullQueue {
    let queue = queues.get(checked(name));
    if (queue === undefined) {
      queue = bull.queue(name);
      queue.on("error", onError);
      queues.set(name, queue);
    }
    return queue;
  }

  /** A burst of deliveries is added as one bulk. */
  function adderOf(name: string): ReturnType<typeof turnAnswers<CarriedJob, AddedJob>> {
    const to = queueOf(name);
    let adder = adders.get(name);
    if (adder === undefined) {
      adder = turnAnswers((jobs) => addAll(to, jobs));
      adders.set(name, adder);
    }
    return adder;
  }

  return {
    async add(queue, jobs) {
      if (jobs.length === 0) return;
      const adder = adderOf(queue);
      for (const { id } of jobs) if (woken.has(`${queue}/${id}`)) woken.set(`${queue}/${id}`, true);
      const added = await adder(jobs.map(carried));
      await Promise.all(jobs.map((job, at) => wake(job, added[at])));
    },
    async consume(queue, options) {
      const consumer = await consume(bull, checked(queue), { ...options, woken, onBackendError: onError });
      consumers.add(consumer);
      return {
        async close(how) {
          consumers.delete(consumer);
          await consumer.close(how);
        },
      };
    },
    async remove(queue, id) {
      const from = queueOf(queue);
      if (await removeWaiting(from, onceId(checked(id)))) return true;
      const found = await from.getDeduplicationJobId(id);
      return found !== null && (await removeWaiting(from, found));
    },
    async counts(queue) {
      const counts = await queueOf(queue).getJobCounts("wait", "prioritized", "active", "delayed");
      return {
        waiting: (counts["wait"] ?? 0) + (counts["waiting"] ?? 0) + (counts["prioritized"] ?? 0),
        active: counts["active"] ?? 0,
        delayed: counts["delayed"] ?? 0,
      };
    },
    async every(queue, { id, payload, priority }, everyMs) {
      await queueOf(queue).upsertJobScheduler(
        checked(id),
        { every: everyMs },
        {
          name: "slot",
          data: { id, payload: JSON.stringify(payload) },
          opts: { priority: priority ?? PRIORITY, removeOnComplete: true, removeOnFail: true },
        },
      );
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...consumers].map((consumer) => consumer.close()));
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}

/** Jobs that run in this process, and whether they were added meanwhile; by another process, they wait as they say. */
type WokenJobs = Map<string, boolean>;

/** What waits to be performed again is performed now: whoever adds it knows something new. */
async function wake({ once, delayMs = 0 }: QueuedJob, added: AddedJob | undefined): Promise<void> {
  if (added === undefined || once === true || delayMs > 0) return;
  // Taken meanwhile, it is performed anyway.
  if ((await added.getState()) === "delayed") await added.promote().catch(() => undefined);
}

type CarriedJob = Parameters<BullQueue["addBulk"]>[0][number];

/** On PostgreSQL a bulk makes two temporary tables: good for many, four times as slow for one. */
async function addAll(to: BullQueue, jobs: readonly CarriedJob[]): Promise<readonly AddedJob[]> {
  const [first, ...more] = jobs;
  if (first === undefined) return [];
  return more.length === 0 ? [await to.add(first.name, first.data, first.opts)] : to.addBulk([first, ...more]);
}

function carried({ id, payload, priority, delayMs, once }: QueuedJob): CarriedJob {
  const from = correlation();
  return {
    name: "job",
    data: { id: checked(id), payload: JSON.stringify(payload), ...(from !== undefined && { correlation: from }) },
    opts: {
      priority: priority ?? PRIORITY,
      ...(delayMs !== undefined && delayMs > 0 && { delay: delayMs }),
      // A job id that is known is left as it is, and costs a third of what deduplication costs.
      ...(once === true ? { jobId: onceId(id) } : { deduplication: { id, keepLastIfActive: true as const } }),
      removeOnComplete: true,
      removeOnFail: true,
    },
  };
}

/** On Redis BullMQ says of a job that is not there that it was removed. */
async function removeWaiting(from: BullQueue, id: string): Promise<boolean> {
  const state = await from.getJobState(id);
  if (state !== "waiting" && state !== "prioritized" && state !== "delayed") return false;
  return (await from.remove(id)) === 1;
}

/** BullMQ's own ids are numbers, and it refuses a number as the id of somebody else. */
function onceId(id: string): string {
  return `once-${id}`;
}

function checked(name: string): string {
  if (!NAME.test(name)) throw new Error(`${JSON.stringify(name)} is no name of a queue or job`);
  return name;
}

type ConsumeOptions = Parameters<Jobs["consume"]>[1] & {
  readonly woken: WokenJobs;
  readonly onBackendError: (error: unknown) => void;
};

async function consume(bull: BullClasses, queue: string, options: ConsumeOptions): Promise<Consumer> {
  const running = new Map<string, AbortController>();
  const failures = new Map<string, number>();

  /** How long to wait before the job is performed again; undefined when it is done. */
  async function perform(job: TakenJob, signal: AbortSignal): Promise<number | undefined> {
    let performed: Performed;
    try {
      performed = await options.perform(job, signal);
    } catch (error) {
      const failed = failures.get(job.id) ?? 0;
      failures.set(job.id, failed + 1);
      options.onError(job, error);
      return Math.min(SLOWEST_MS, 250 * 2 ** Math.min(failed, 10));
    }
    failures.delete(job.id);
    return performed.kind === "done" ? undefined : performed.afterMs;
  }

  const unlocked = new WeakSet<AbortController>();
  const lose = (id: string, why: string): void => {
    const controller = running.get(id);
    if (controller === undefined) return;
    unlocked.add(controller);
    controller.abort(new Error(why));
  };
  const locks = watchLocks(WORKER.lockDuration, (id) => lose(id, "its lock could not be renewed in time"));

  const process: Process = async (job, token) => {
    const controller = new AbortController();
    const key = job.id ?? "";
    const name = `${queue}/${job.data.id}`;
    running.set(key, controller);
    locks.begin(key);
    try {
      const { id } = job.data;
      const payload = JSON.parse(job.data.payload) as Json;
      const priority = job.opts.priority ?? PRIORITY;
      const taken = { id, payload, priority, lost: job.stalledCounter };
      const from = job.data.correlation ?? randomUUID();
      options.woken.set(name, false);
      const afterMs = await correlated(from, () => perform(taken, controller.signal));
      if (afterMs === undefined) return;
      // Whoever looks for expired locks puts it back and counts it as lost; PostgreSQL would let us do so uncounted.
      if (unlocked.has(controller)) throw new DelayedError();
      const wait = options.woken.get(name) === true ? 0 : afterMs;
      try {
        await job.moveToDelayed(Date.now() + wait, token);
      } catch (error) {
        // Any other exception would end the job; left as it is, its lock expires and it is given out again.
        options.onBackendError(error);
        throw new DelayedError();
      }
      // Added while it was put aside.
      if (wait > 0 && options.woken.get(name) === true) await job.promote().catch(() => undefined);
      throw new DelayedError();
    } finally {
      if (running.get(key) === controller) {
        running.delete(key);
        locks.end(key);
      }
      options.woken.delete(name);
    }
  };

  const worker = bull.worker(queue, process, { ...WORKER, concurrency: options.concurrency });
  worker.on("error", options.onBackendError);
  worker.on("lockRenewalFailed", (ids) => {
    for (const id of ids) lose(id, "the job was given to somebody else");
  });
  worker.on("locksRenewed", ({ jobIds }) => locks.renewed(jobIds));
  await worker.waitUntilReady();
  return {
    async close({ force = false } = {}) {
      if (force) for (const controller of running.values()) controller.abort(new Error("closing"));
      await worker.close(force);
      locks.close();
    },
  };
}
