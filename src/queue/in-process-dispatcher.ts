import type { Dispatcher, Ended } from "./dispatcher.ts";

/** Performs jobs in this process, `slots` at a time. */
export function inProcessDispatcher<Job extends { readonly id: string }, End>(
  slots: number,
  perform: (job: Job, signal: AbortSignal) => Promise<End>,
): Dispatcher<Job, End> {
  const running = new Map<string, { readonly controller: AbortController; readonly done: Promise<void> }>();
  const ended: { readonly job: Job; readonly end: Ended<End> }[] = [];
  const waiters: ((value: { readonly job: Job; readonly end: Ended<End> }) => void)[] = [];

  function deliver(job: Job, end: Ended<End>): void {
    running.delete(job.id);
    const waiter = waiters.shift();
    if (waiter === undefined) ended.push({ job, end });
    else waiter({ job, end });
  }

  return {
    slots,
    dispatch(job) {
      const controller = new AbortController();
      const done = perform(job, controller.signal).then(
        (value) => deliver(job, { kind: "ended", value }),
        (error: unknown) => deliver(job, { kind: "broken", error }),
      );
      running.set(job.id, { controller, done });
    },
    next() {
      const first = ended.shift();
      if (first !== undefined) return Promise.resolve(first);
      return new Promise((resolve) => waiters.push(resolve));
    },
    cancel(id) {
      running.get(id)?.controller.abort();
    },
    async [Symbol.asyncDispose]() {
      const left = [...running.values()];
      for (const { controller } of left) controller.abort();
      await Promise.all(left.map(({ done }) => done));
    },
  };
}
