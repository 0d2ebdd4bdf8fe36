import type { QueuedStep } from "../scheduling/queued-step.ts";
import type { Dispatcher, Ended } from "./dispatcher.ts";
import type { FairPool } from "./fair-pool.ts";
import type { Flight, Flights } from "./flights.ts";

export interface FairDispatcherOptions<Job, End> {
  readonly pool: Pick<FairPool, "open">;
  /** A job as the backlog sees it; its id names the attempt among all runs. */
  readonly describe: (job: Job) => QueuedStep;
  readonly flights: Flights<Job, End>;
  /** Whether a job has ended already, before its run was taken up again: it needs no turn. */
  readonly ended: (job: Job) => boolean;
  /** Whether a worker has a job, or will have; if so, tells when it has ended. */
  readonly handed: (job: Job) => (() => Promise<boolean>) | undefined;
  /** The end of a job that was cancelled before its turn. */
  readonly cancelled: (job: Job) => End;
}

/** All that is ready waits in the pool's backlog, not in its run: more than any run has steps. */
const SLOTS = 1_000_000;

interface Item<Job> {
  readonly job: Job;
  readonly step: QueuedStep;
  /** `turn`: waits for its turn; `entering`: has it, and asks who else computes it; `other`: somebody else does; `out`: under way. */
  at: "turn" | "entering" | "other" | "out";
  readonly stop: AbortController;
  flight: Flight | undefined;
}

/**
 * Hands jobs on when it is their turn in the pool's fair backlog and nobody else computes the same; ends come back as the
 * original's. A job that somebody else computes gives its turn back, and takes the result or its turn again afterwards.
 */
export function fairDispatcher<Job extends { readonly id: string }, End>(
  inner: Dispatcher<Job, End>,
  options: FairDispatcherOptions<Job, End>,
): Dispatcher<Job, End> {
  /** Jobs that have not ended, by their id in the backlog. */
  const items = new Map<string, Item<Job>>();
  const names = new Map<string, string>();
  /** Given up by this run, and still computed for others. */
  const left = new Set<string>();
  /** Flights that are being given back. */
  const leaving = new Set<Promise<void>>();
  const early: { readonly job: Job; readonly end: Ended<End> }[] = [];
  let wake: () => void = () => undefined;
  let asked: ReturnType<typeof inner.next> | undefined;

  const turns = options.pool.open((name) => {
    const item = items.get(name);
    // Cancelled meanwhile; or told twice, and then it is under way.
    if (item === undefined || item.at === "other") turns.ended(name);
    else if (item.at === "turn") void enter(item).catch((error: unknown) => tell(item, { kind: "broken", error }));
  });

  async function enter(item: Item<Job>): Promise<void> {
    item.at = "entering";
    const entered = await options.flights.enter(item.job);
    if (item.stop.signal.aborted) {
      if (entered.kind === "alone") await entered.flight.leave();
      tell(item, { kind: "ended", value: options.cancelled(item.job) });
    } else if (entered.kind === "found") tell(item, { kind: "ended", value: entered.end });
    else if (entered.kind === "taken") await waitForOther(item);
    else {
      item.at = "out";
      item.flight = entered.flight;
      inner.dispatch(item.job);
    }
  }

  async function waitForOther(item: Item<Job>): Promise<void> {
    item.at = "other";
    turns.ended(item.step.id);
    await options.flights.free(item.job, item.stop.signal);
    if (item.stop.signal.aborted) return;
    item.at = "turn";
    turns.submit(item.step);
  }

  function leave(flight: Flight): void {
    const going = flight.leave();
    leaving.add(going);
    void going.finally(() => leaving.delete(going));
  }

  function forget({ job, step }: Item<Job>): void {
    items.delete(step.id);
    names.delete(job.id);
  }

  function tell(item: Item<Job>, end: Ended<End>): void {
    if (item.at === "turn") turns.withdraw(item.step.id);
    else if (item.at !== "other") turns.ended(item.step.id);
    forget(item);
    early.push({ job: item.job, end });
    wake();
  }

  async function cancel(item: Item<Job>): Promise<void> {
    item.stop.abort();
    if (item.at === "turn" || item.at === "other")
      return tell(item, { kind: "ended", value: options.cancelled(item.job) });
    if (item.at === "entering") return;
    const over = options.handed(item.job);
    if (over === undefined || item.flight === undefined || !(await item.flight.wanted())) {
      inner.cancel(item.job.id);
      return;
    }
    item.flight.stay(over);
    left.add(item.job.id);
    tell(item, { kind: "ended", value: options.cancelled(item.job) });
  }

  return {
    slots: SLOTS,
    dispatch(job) {
      if (options.ended(job)) {
        inner.dispatch(job);
        return;
      }
      const step = options.describe(job);
      items.set(step.id, { job, step, at: "turn", stop: new AbortController(), flight: undefined });
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
        if (left.has(answer.job.id)) continue;
        const item = items.get(names.get(answer.job.id) ?? "");
        if (item !== undefined) {
          forget(item);
          turns.ended(item.step.id);
          // Nobody waits for it here: the run goes on meanwhile.
          if (item.flight !== undefined) leave(item.flight);
        }
        return answer;
      }
    },
    cancel(id) {
      const item = items.get(names.get(id) ?? "");
      if (item === undefined) inner.cancel(id);
      else void cancel(item).catch(() => inner.cancel(id));
    },
    async [Symbol.asyncDispose]() {
      for (const { stop } of items.values()) stop.abort();
      await turns.close();
      await inner[Symbol.asyncDispose]();
      for (const { flight, job } of items.values()) if (flight !== undefined && !left.has(job.id)) leave(flight);
      await Promise.all(leaving);
    },
  };
}
