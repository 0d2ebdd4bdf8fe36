/** Something that got no answer when it was last tried: how often in a row, and until when (ms since 1970) it waits. */
export interface PutOff {
  /** Names what was tried: what replaces it has not been tried yet. */
  readonly digest: string;
  readonly tries: number;
  readonly until: number;
}

const FIRST_MS = 5_000;
const LONGEST_MS = 60_000;

/** Waits twice as long after each time, a minute at most. */
export function putOff(
  before: PutOff | undefined,
  { digest, now }: { readonly digest: string; readonly now: number },
): PutOff {
  const tries = before?.digest === digest ? before.tries + 1 : 1;
  return { digest, tries, until: now + Math.min(LONGEST_MS, FIRST_MS * 2 ** (tries - 1)) };
}

/** Until when it waits; 0 where it does not, or is another thing by now. */
export function waitsUntil(off: PutOff | undefined, digest: string): number {
  return off?.digest === digest ? off.until : 0;
}
