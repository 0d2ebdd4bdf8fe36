import type { Clock } from "../../clock/clock.ts";
import type { Leases } from "../../queue/queue.ts";

/**
 * Does work under one name after the other: within a process in the order in which it was asked for, among processes
 * one at a time. Undefined where another process did not come to an end; `lost` tells that another one may have begun.
 */
export type InTurn = <Value>(name: string, work: (lost: AbortSignal) => Promise<Value>) => Promise<Value | undefined>;

/** Whoever held a turn and died is waited for no longer than this. */
const TTL_MS = 30_000;
const PATIENCE_MS = 20_000;
const LOOK_EVERY_MS = 50;

export function turns({ leases, clock }: { readonly leases: Leases; readonly clock: Clock }): InTurn {
  const last = new Map<string, Promise<unknown>>();
  return (name, work) => {
    const before = last.get(name) ?? Promise.resolve();
    const alone = () => among({ leases, clock }, name, work);
    const mine = before.then(alone, alone);
    last.set(name, mine);
    const ended = (): void => void (last.get(name) === mine && last.delete(name));
    mine.then(ended, ended);
    return mine;
  };
}

/** One process at a time, as long as its lease holds. */
async function among<Value>(
  { leases, clock }: { readonly leases: Leases; readonly clock: Clock },
  name: string,
  work: (lost: AbortSignal) => Promise<Value>,
): Promise<Value | undefined> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  while (!patience.aborted) {
    const lease = await leases.acquire(`turn-${name}`, { ttlMs: TTL_MS, holder: String(process.pid) });
    if (lease === undefined) {
      await clock.wait(LOOK_EVERY_MS, patience);
      continue;
    }
    try {
      return await work(lease.lost);
    } finally {
      await lease.release();
    }
  }
  return undefined;
}
