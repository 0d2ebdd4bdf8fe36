/** Of machines that nobody has seen yet: anything may come. */
export const UNBOUNDED = { memoryBytes: Number.POSITIVE_INFINITY, gpus: Number.POSITIVE_INFINITY };

type Capacity = typeof UNBOUNDED;

/** The most that any worker of these pools has offered; unbounded while one of them has not been seen. */
export function largestOf(offers: readonly (Capacity | undefined)[]): Capacity {
  if (offers.length === 0 || offers.includes(undefined)) return UNBOUNDED;
  return {
    memoryBytes: Math.max(...offers.map((offer) => offer?.memoryBytes ?? 0)),
    gpus: Math.max(...offers.map((offer) => offer?.gpus ?? 0)),
  };
}
