/** So many at once; the others wait in the order in which they came. */
export interface Permits {
  take(): Promise<void>;
  giveBack(): void;
}

export function permitsFor(count: number): Permits {
  let left = count;
  const waiting: (() => void)[] = [];
  return {
    take() {
      if (left === 0) return new Promise((resolve) => waiting.push(resolve));
      left--;
      return Promise.resolve();
    },
    giveBack() {
      const next = waiting.shift();
      if (next === undefined) left++;
      else next();
    },
  };
}
