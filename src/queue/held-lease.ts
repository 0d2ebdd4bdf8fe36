import type { Lease } from "./queue.ts";

/** What a backend can do for a lease it has granted. */
export interface Grant {
  readonly fence: number;
  readonly ttlMs: number;
  /** When the grant was asked for, by `performance.now()`: the backend counts the time to live from later on. */
  readonly askedAt: number;
  /** Extends the grant by its time to live; false when it is no longer ours. Throws while the backend is away. */
  renew(): Promise<boolean>;
  /** Gives it back, if it is still ours. */
  release(): Promise<void>;
}

/**
 * A granted lease, renewed three times per time to live. It is lost when the backend says so, or when no renewal
 * was answered before the time to live ran out here: somebody else may hold it from then on.
 */
export function heldLease(grant: Grant): Lease {
  const lost = new AbortController();
  let validUntil = grant.askedAt + grant.ttlMs;
  let renewing = false;
  let released = false;

  function lose(why: string): void {
    if (released || lost.signal.aborted) return;
    clearInterval(renewal);
    clearTimeout(deadline);
    lost.abort(new Error(why));
  }

  async function renew(): Promise<void> {
    if (renewing) return;
    renewing = true;
    const askedAt = performance.now();
    try {
      if (!(await grant.renew())) lose("somebody else took the lease over");
      else validUntil = askedAt + grant.ttlMs;
    } catch {
      // The backend is away: the deadline below decides.
    } finally {
      renewing = false;
    }
  }

  function watch(): void {
    const left = validUntil - performance.now();
    if (left <= 0) lose("the lease could not be renewed in time");
    else deadline = setTimeout(watch, left).unref();
  }

  const renewal = setInterval(() => void renew(), Math.max(grant.ttlMs / 3, 1)).unref();
  let deadline = setTimeout(watch, grant.ttlMs).unref();
  return {
    fence: grant.fence,
    lost: lost.signal,
    async release() {
      if (released) return;
      released = true;
      clearInterval(renewal);
      clearTimeout(deadline);
      await grant.release();
    },
  };
}
