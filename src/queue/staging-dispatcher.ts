import type { Dispatcher, Ended } from "./dispatcher.ts";

/**
 * Makes jobs ready before they go on: `prepare` gives the job as workers get it, or its end where it cannot even be
 * made ready. Ends come back as the original's.
 */
export function stagingDispatcher<Job extends { readonly id: string }, Ready extends { readonly id: string }, End>(
  inner: Dispatcher<Ready, End>,
  prepare: (
    job: Job,
  ) => Promise<{ readonly kind: "ready"; readonly job: Ready } | { readonly kind: "ended"; readonly end: End }>,
): Dispatcher<Job, End> {
  const jobs = new Map<string, Job>();
  const names = new Map<string, string>();
  const early: { readonly job: Job; readonly end: Ended<End> }[] = [];
  const cancelled = new Set<string>();
  let wake: () => void = () => undefined;
  let asked: Promise<{ readonly job: Ready; readonly end: Ended<End> }> | undefined;

  function tell(job: Job, end: Ended<End>): void {
    jobs.delete(job.id);
    cancelled.delete(job.id);
    early.push({ job, end });
    wake();
  }

  async function stage(job: Job): Promise<void> {
    try {
      const prepared = await prepare(job);
      if (prepared.kind === "ended") {
        tell(job, { kind: "ended", value: prepared.end });
        return;
      }
      names.set(prepared.job.id, job.id);
      inner.dispatch(prepared.job);
      if (cancelled.has(job.id)) inner.cancel(prepared.job.id);
    } catch (error) {
      tell(job, { kind: "broken", error });
    }
  }

  return {
    slots: inner.slots,
    dispatch(job) {
      jobs.set(job.id, job);
      void stage(job);
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
        const id = names.get(answer.job.id) ?? "";
        const job = jobs.get(id);
        if (job === undefined) continue;
        names.delete(answer.job.id);
        jobs.delete(id);
        cancelled.delete(id);
        return { job, end: answer.end };
      }
    },
    cancel(id) {
      cancelled.add(id);
      for (const [ready, name] of names) if (name === id) inner.cancel(ready);
    },
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}
