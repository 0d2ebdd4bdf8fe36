/** Numbers that look like luck and follow from a seed alone (mulberry32). */
export interface Chance {
  /** A whole number from 0 to `below` - 1. */
  under(below: number): number;
  pick<Value>(values: readonly Value[]): Value;
}

export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const under = (below: number): number => Math.floor(next() * below);
  return {
    under,
    pick(values) {
      const value = values[under(values.length)];
      if (value === undefined) throw new Error("picking from nothing");
      return value;
    },
  };
}
