import type { QueuedStep } from "../scheduling/queued-step.ts";
import type { Dispatcher, Ended } from "./dispatcher.ts";
import type { FairPool } from "./fair-pool.ts";

export interface FairDispatcherOptions<Job, End> {
  readonly pool: Pick<FairPool, "open">;
  /** A job as the backlog sees it; its id names the attempt among all runs. */
  readonly describe: (job: Job) => QueuedStep;
  /** Whether a job has ended already, before its run was taken up again: it needs no turn. */
  readonly ended: (job: Job) => boolean;
  /** The end of a job that was cancelled before its turn. */
  readonly cancelled: (job: Job) => End;
}

/** All that is ready waits in the pool's backlog, not in its run: more than any run has steps. */
const SLOTS = 1_000_000;

/** Hands jobs on when it is their turn in the pool's fair backlog; ends come back as the original's. */
export function fairDispatcher<Job extends { readonly id: string }, End>(
  inner: Dispatcher<Job, End>,
  options: FairDispatcherOptions<Job, End>,
): Dispatcher<Job, End> {
  /** Jobs that wait for their turn, by the id in the backlog. */
  const waiting = new Map<string, Job>();
  /** The ids in the backlog of all jobs that have not ended. */
  const names = new Map<string, string>();
  const out = new Set<string>();
  const early: { readonly job: Job; readonly end: Ended<End> }[] = [];
  let wake: () => void = () => undefined;
  let asked: ReturnType<typeof inner.next> | undefined;

  const turns = options.pool.open((name) => {
    const job = waiting.get(name);
    if (job === undefined) {
      // Cancelled meanwhile; or told twice, and then it is under way.
      if (!out.has(name)) turns.ended(name);
      return;
    }
    waiting.delete(name);
    out.add(name);
    inner.dispatch(job);
  });

  return {
    slots: SLOTS,
    dispatch(job) {
      if (options.ended(job)) {
        inner.dispatch(job);
        return;
      }
      const step = options.describe(job);
      waiting.set(step.id, job);
      names.set(job.id, step.id);
      turns.submit(step);
    },
    async next() {
      for (;;) {
        const first = early.shift();
        if (first !== undefined) return first;
        const woken = new Promise<"woken">((resolve) => (wake = () => resolve("woken")));
        asked ??= inner.next();
        const answer = await Promise.race([asked, woken]);
        if (answer === "woken") continue;
        asked = undefined;
        const name = names.get(answer.job.id);
        names.delete(answer.job.id);
        if (name !== undefined) {
          out.delete(name);
          turns.ended(name);
        }
        return answer;
      }
    },
    cancel(id) {
      const name = names.get(id) ?? "";
      const job = waiting.get(name);
      if (job === undefined) {
        inner.cancel(id);
        return;
      }
      waiting.delete(name);
      names.delete(id);
      turns.withdraw(name);
      early.push({ job, end: { kind: "ended", value: options.cancelled(job) } });
      wake();
    },
    async [Symbol.asyncDispose]() {
      await turns.close();
      await inner[Symbol.asyncDispose]();
    },
  };
}
