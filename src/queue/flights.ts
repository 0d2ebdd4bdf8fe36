import type { Lease, Leases } from "./queue.ts";

/** What was found on entering a flight. */
export type Entered<End> =
  /** Nobody else computes it: it is ours until `leave`. */
  | { readonly kind: "alone"; readonly flight: Flight }
  /** Somebody computed it meanwhile. */
  | { readonly kind: "found"; readonly end: End }
  /** Somebody else is at it. */
  | { readonly kind: "taken" };

export interface Flight {
  leave(): Promise<void>;
  /** Whether somebody waits for what is computed. */
  wanted(): Promise<boolean>;
  /** Nobody here wants it any more, and others do: it is held until it has ended. */
  stay(ended: () => Promise<boolean>): void;
}

/** One computation of a key at a time, among all runs of all controllers (SEMANTICS §4). */
export interface Flights<Job, End> {
  enter(job: Job): Promise<Entered<End>>;
  /** Ends when nobody is at it any more, or when it is not wanted. */
  free(job: Job, signal: AbortSignal): Promise<void>;
}

export interface FlightsOptions<Job, End> {
  readonly leases: Leases;
  /** Names this process for people. */
  readonly holder: string;
  /** The domain and key of a job; undefined for one that is computed for its own run alone. */
  readonly nameOf: (job: Job) => string | undefined;
  /** The end of a job whose result is there. */
  readonly found: (job: Job) => Promise<End | undefined>;
  readonly onError: (error: unknown) => void;
}

const LEASE_MS = 10_000;
const LOOK_MS = 500;

export function flights<Job, End>(options: FlightsOptions<Job, End>): Flights<Job, End> {
  const { leases, holder, onError } = options;
  const acquire = (name: string): Promise<Lease | undefined> => leases.acquire(name, { ttlMs: LEASE_MS, holder });

  async function enter(job: Job): Promise<Entered<End>> {
    const name = options.nameOf(job);
    if (name === undefined) return { kind: "alone", flight: ALONE };
    const lease = await acquire(`flight.${name}`);
    if (lease === undefined) return { kind: "taken" };
    const end = await options.found(job);
    if (end === undefined) return { kind: "alone", flight: flight(name, lease) };
    await lease.release();
    return { kind: "found", end };
  }

  function flight(name: string, lease: Lease): Flight {
    return {
      leave: () => lease.release().catch(onError),
      wanted: async () => (await leases.holder(`waits.${name}`)) !== undefined,
      stay: (ended) => void hold(lease, ended).catch(onError),
    };
  }

  async function hold(lease: Lease, ended: () => Promise<boolean>): Promise<void> {
    while (!lease.lost.aborted && !(await ended())) await pause();
    await lease.release();
  }

  async function free(job: Job, signal: AbortSignal): Promise<void> {
    const name = options.nameOf(job) ?? "";
    let waits: Lease | undefined;
    try {
      while (!signal.aborted && (await leases.holder(`flight.${name}`)) !== undefined) {
        // One who waits is enough to keep it going.
        if (waits?.lost.aborted !== false) waits = await acquire(`waits.${name}`);
        await pause();
      }
    } finally {
      await waits?.release();
    }
  }

  return { enter, free };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOOK_MS).unref());
}

/** Of a job that nobody else could compute. */
export const ALONE: Flight = {
  leave: () => Promise.resolve(),
  wanted: () => Promise.resolve(false),
  stay: () => undefined,
};
