/** Between one try and the next. */
const AGAIN_MS = 2_000;

export interface Readiness {
  readonly ready: () => boolean;
  /** Ends with the first try, however that ended. */
  readonly tried: Promise<void>;
}

/**
 * Begins at once and, where that does not succeed, again when it is asked whether it has begun; what is in the way is told
 * when it changes. Where nobody is to be told, what keeps it from beginning at once is an error.
 */
export function readyOnce(
  begin: () => Promise<void>,
  onError: ((error: unknown) => void) | undefined,
  now: () => number = () => performance.now(),
): Readiness {
  let state: "begun" | "trying" | "failed" = "failed";
  let told: string | undefined;
  let triedAt = now();
  const fail = (error: unknown): void => {
    state = "failed";
    const why = String(error);
    if (why !== told) onError?.(error);
    told = why;
  };
  const attempt = (): Promise<void> => {
    triedAt = now();
    state = "trying";
    try {
      return begin().then(() => void (state = "begun"), fail);
    } catch (error) {
      if (onError === undefined) throw error;
      fail(error);
      return Promise.resolve();
    }
  };
  return {
    tried: attempt(),
    ready() {
      if (state === "failed" && now() - triedAt >= AGAIN_MS) void attempt();
      return state === "begun";
    },
  };
}
