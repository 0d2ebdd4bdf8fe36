/** Time and chance, handed in so that everything above stays repeatable. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number;
  random(bytes: number): Uint8Array;
}
