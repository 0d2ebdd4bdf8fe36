/** Who answers deliveries, and when nobody does. */
export interface AnswersFirst {
  /** Does what a delivery waits for, once it is known whose it is: a stranger's holds nothing up. */
  readonly answering: <T>(answer: () => Promise<T>) => Promise<T>;
  /** Ends when no delivery waits for its answer, and in any case `mostMs` after the first of those that do came. */
  readonly quiet: () => Promise<void>;
}

/**
 * Lets work that takes long wait for deliveries that wait for an answer: a forge gives up on an answer within seconds,
 * and whoever waits for a plan waits for longer anyhow.
 */
export function answersFirst(mostMs: number): AnswersFirst {
  let waiting = 0;
  let until = 0;
  let end = Promise.withResolvers<void>();
  return {
    async answering(answer) {
      if (waiting++ === 0) until = performance.now() + mostMs;
      try {
        return await answer();
      } finally {
        if (--waiting === 0) {
          end.resolve();
          end = Promise.withResolvers();
        }
      }
    },
    async quiet() {
      const left = until - performance.now();
      if (waiting === 0 || left <= 0) return;
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, left);
      await Promise.race([end.promise, late.promise]);
      clearTimeout(timer);
    },
  };
}
