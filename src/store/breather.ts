import { setImmediate } from "node:timers/promises";

/** Longer than this nobody who holds a lock in this process is kept from renewing it (ms). */
const EVERY_MS = 20;

/** Lets the rest of the process have its turn when it is time for that; undefined: it is not. */
export function breather(now: () => number = () => performance.now()): () => Promise<void> | undefined {
  let last = now();
  const breathe = async (): Promise<void> => {
    await setImmediate();
    last = now();
  };
  return () => (now() - last < EVERY_MS ? undefined : breathe());
}

/** Entries one by one, while the rest of the process has its turn; none any more once `lost` is aborted. */
export async function* inTurns<T>(entries: Iterable<T>, lost?: AbortSignal): AsyncGenerator<T> {
  const breathe = breather();
  for (const entry of entries) {
    await breathe();
    if (lost?.aborted === true) return;
    yield entry;
  }
}
