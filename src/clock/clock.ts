/** Time and chance, handed in so that everything above stays repeatable. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number;
  random(bytes: number): Uint8Array;
  /** Ends after so many milliseconds, or at once when the signal says stop. */
  wait(milliseconds: number, signal: AbortSignal): Promise<undefined>;
}
