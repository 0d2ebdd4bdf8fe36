/**
 * Hands attempts to slots and tells how they ended: in this process on a laptop, through a queue in a service.
 * Held by contract/dispatcher.ts.
 */
export interface Dispatcher<Job extends { readonly id: string }, End> extends AsyncDisposable {
  /** How many jobs may be under way at once. */
  readonly slots: number;
  /** Starts a job; every dispatched job ends in exactly one answer of `next`. */
  dispatch(job: Job): void;
  /** The next job that has ended, in the order of their ends; waits for one. */
  next(): Promise<{ readonly job: Job; readonly end: Ended<End> }>;
  /** Asks a job to stop; it still ends through `next`. */
  cancel(id: string): void;
}

export type Ended<End> =
  | { readonly kind: "ended"; readonly value: End }
  /** The performer threw: a surprise, not an outcome. */
  | { readonly kind: "broken"; readonly error: unknown };
