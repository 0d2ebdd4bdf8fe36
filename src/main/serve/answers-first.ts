import type { App } from "../../app.ts";

/** A door, and when nobody stands in it. */
export interface AnswersFirst {
  readonly app: App;
  /**
   * Ends when no delivery waits for its answer, and in any case `mostMs` after the first of those that do came: neither a
   * stream of them nor a stranger who never ends what he sends stops anything.
   */
  readonly quiet: () => Promise<void>;
}

/**
 * Lets work that takes long wait for deliveries that wait for an answer: a forge gives up on an answer within seconds,
 * and whoever waits for a plan waits for longer anyhow.
 */
export function answersFirst(app: App, mostMs: number): AnswersFirst {
  let waiting = 0;
  let until = 0;
  let end = Promise.withResolvers<void>();
  return {
    app: {
      async receive(request) {
        if (waiting++ === 0) until = performance.now() + mostMs;
        try {
          return await app.receive(request);
        } finally {
          if (--waiting === 0) {
            end.resolve();
            end = Promise.withResolvers();
          }
        }
      },
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
