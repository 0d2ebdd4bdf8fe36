/** Between one try and the next. */
const AGAIN_MS = 2_000;

/**
 * Begins at once and, where that cannot be, again when it is asked whether it has begun; what is in the way is told when it
 * changes, and is an error where nobody is to be told.
 */
export function readyOnce(
  begin: () => void,
  onError: ((error: unknown) => void) | undefined,
  now: () => number = () => performance.now(),
): () => boolean {
  let begun = false;
  let told: string | undefined;
  let triedAt = now();
  const attempt = (): void => {
    triedAt = now();
    try {
      begin();
      begun = true;
    } catch (error) {
      if (onError === undefined) throw error;
      const why = String(error);
      if (why !== told) onError(error);
      told = why;
    }
  };
  attempt();
  return () => {
    if (!begun && now() - triedAt >= AGAIN_MS) attempt();
    return begun;
  };
}
