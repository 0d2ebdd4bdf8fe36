import type { Json } from "../identity/canonical-json.ts";

/** One unit of work as the queue carries it. The queue holds hints only: every fact is in git, the forge or the store. */
export interface QueuedJob {
  /** Unique per queue while the job waits or runs; letters, digits, `-`, `_`, `.` only. */
  readonly id: string;
  readonly payload: Json;
  /** Lower comes first; default 100. */
  readonly priority?: number;
  readonly delayMs?: number;
  /** Adding it while it runs changes nothing; otherwise it is then performed once more, so that no wake-up is lost. */
  readonly once?: true;
}

/** A job in the hands of who performs it. */
export interface TakenJob extends QueuedJob {
  /** How often it was taken before by somebody who died with it, or could no longer be reached. */
  readonly lost: number;
}

/** How a performer ended a job. */
export type Performed =
  | { readonly kind: "done" }
  /** To be performed again after this many ms, as often as it takes: the world was not there. */
  | { readonly kind: "again"; readonly afterMs: number; readonly why?: string };

export interface Consumer {
  /** Takes no new job and ends when those under way have ended, or at once when `force`. */
  close(options?: { readonly force?: boolean }): Promise<void>;
}

/** Durable jobs of named queues; at least once: a job whose holder died is performed again within seconds. */
export interface Jobs {
  /**
   * Durable when it resolves; a job whose id already waits is left as it is (one that runs or has ended is not
   * "waiting"), and one that waits to be performed again is performed now.
   */
  add(queue: string, jobs: readonly QueuedJob[]): Promise<void>;
  /** Performs jobs until closed; an exception counts as "again" with growing delay and is told to `onError`. */
  consume(
    queue: string,
    options: {
      readonly concurrency: number;
      readonly perform: (job: TakenJob, signal: AbortSignal) => Promise<Performed>;
      readonly onError: (job: QueuedJob, error: unknown) => void;
    },
  ): Promise<Consumer>;
  /** Takes a waiting job out; false when it is not waiting. */
  remove(queue: string, id: string): Promise<boolean>;
  counts(queue: string): Promise<{ readonly waiting: number; readonly active: number; readonly delayed: number }>;
  /** Wakes `queue` with this job every `everyMs`, from whichever process, once per slot. */
  every(queue: string, job: QueuedJob, everyMs: number): Promise<void>;
}

/** Something only one process holds at a time. */
export interface Lease {
  /** Rises with every holder of this name: a write with an older number is refused by whoever guards it. */
  readonly fence: number;
  /** Aborted when the lease was lost or could not be renewed in time. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

export interface Leases {
  /** The lease, renewed in the background until released; undefined while somebody else holds it. */
  acquire(name: string, options: { readonly ttlMs: number; readonly holder: string }): Promise<Lease | undefined>;
  /** Who holds it now. */
  holder(name: string): Promise<{ readonly holder: string; readonly fence: number } | undefined>;
}

/**
 * Messages of named topics that stay until their topic is dropped: how steps' ends come back (DESIGN decision 14).
 * Every message has an id; one with a known id changes nothing.
 */
export interface Bus {
  /** Durable when it resolves. */
  publish(topic: string, messages: readonly { readonly id: string; readonly body: Json }[]): Promise<void>;
  /** Every message of the topic exactly once per subscription, old ones first, until closed; nothing is ever lost. */
  subscribe(
    topic: string,
    take: (message: { readonly id: string; readonly body: Json }) => void,
  ): Promise<{ close(): Promise<void> }>;
  /** Whether a message with this id was published. */
  has(topic: string, id: string): Promise<boolean>;
  drop(topic: string): Promise<void>;
}

/** A small table of newest values: the outbox of desired states, cancellation flags. */
export interface Table {
  /** Replaces the value of a key. */
  put(table: string, key: string, value: Json): Promise<void>;
  get(table: string, key: string): Promise<Json | undefined>;
  /** All entries, sorted by key. */
  entries(table: string): Promise<readonly { readonly key: string; readonly value: Json }[]>;
  /** Removes a key, only if its value is still the one given (compared as canonical JSON), when one is given. */
  remove(table: string, key: string, expected?: Json): Promise<boolean>;
}

/** Everything a service shares between its processes; wiped at any moment it is rebuilt from git and the forge. Held by contract/queue.ts. */
export interface Queue extends AsyncDisposable {
  readonly jobs: Jobs;
  readonly leases: Leases;
  readonly bus: Bus;
  readonly table: Table;
  /** Names the backend for people: `redis`, `postgres`, `embedded postgres`. */
  readonly backend: string;
}
