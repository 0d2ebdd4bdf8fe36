import type { Clock } from "../../clock/clock.ts";
import type { Leases } from "../../queue/queue.ts";

/**
 * Does work under one name after the other: within a process in the order in which it was asked for, among processes
 * one at a time. Undefined where what came before did not end soon: whoever waits keeps others from being served.
 * `lost` tells that another process may have begun.
 */
export type InTurn = <Value>(
  name: string,
  work: (lost: AbortSignal) => Promise<Value>,
  patienceMs?: number,
) => Promise<Value | undefined>;

/** Whoever held a turn and died is waited for no longer than this. */
const TTL_MS = 15_000;
/** Most work is done in less, and what takes longer takes long. */
const PATIENCE_MS = 3_000;
const LOOK_EVERY_MS = 50;

export function turns({ leases, clock }: { readonly leases: Leases; readonly clock: Clock }): InTurn {
  const last = new Map<string, Promise<void>>();
  return (name, work, patienceMs = PATIENCE_MS) => {
    const before = last.get(name);
    const until = clock.now() + patienceMs;
    const mine = (async () => {
      if (before !== undefined && !(await endsBy(before, until, clock))) return undefined;
      return among({ leases, clock }, { name, until }, work);
    })();
    // Whoever gives up leaves the turn to those that were before.
    const all: Promise<void> = Promise.allSettled([before, mine]).then(
      () => void (last.get(name) === all && last.delete(name)),
    );
    last.set(name, all);
    return mine;
  };
}

async function endsBy(before: Promise<unknown>, until: number, clock: Clock): Promise<boolean> {
  const ended = new AbortController();
  const over = before.then(() => {
    ended.abort();
    return true;
  });
  return Promise.race([over, clock.wait(until - clock.now(), ended.signal).then(() => ended.signal.aborted)]);
}

/** One process at a time, as long as its lease holds. */
async function among<Value>(
  { leases, clock }: { readonly leases: Leases; readonly clock: Clock },
  { name, until }: { readonly name: string; readonly until: number },
  work: (lost: AbortSignal) => Promise<Value>,
): Promise<Value | undefined> {
  for (;;) {
    const lease = await leases.acquire(`turn-${name}`, { ttlMs: TTL_MS, holder: String(process.pid) });
    if (lease === undefined) {
      if (clock.now() >= until) return undefined;
      await clock.wait(LOOK_EVERY_MS, NEVER);
      continue;
    }
    try {
      return await work(lease.lost);
    } finally {
      await lease.release();
    }
  }
}

const NEVER = new AbortController().signal;
