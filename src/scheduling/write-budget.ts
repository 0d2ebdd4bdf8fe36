/** How much content one installation may write to a forge. */
export interface WriteLimits {
  readonly aMinute: number;
  readonly anHour: number;
}

/** GitHub's, kept from our side (SEMANTICS §12). */
export const GITHUB_WRITES: WriteLimits = { aMinute: 60, anHour: 400 };
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

export type Spent = { readonly kind: "ok" } | { readonly kind: "wait"; readonly afterMs: number };

/** Takes content writes out of an installation's budget, all or none, or says after how many ms there may be room. */
export type SpendWrites = (installation: number, writes: number) => Promise<Spent>;

/** Whether so many more may be written now, after those that were written at these times (ms since 1970). */
export function roomFor(
  writes: number,
  {
    made,
    now,
    limits = GITHUB_WRITES,
  }: { readonly made: readonly number[]; readonly now: number; readonly limits?: WriteLimits },
): Spent {
  // A clock that was put back, or another machine's that is ahead, makes no write unmade.
  const times = made.map((at) => Math.min(at, now)).toSorted((a, b) => a - b);
  const waits = [
    waitFor(writes, { times, now, most: limits.aMinute, within: MINUTE_MS }),
    waitFor(writes, { times, now, most: limits.anHour, within: HOUR_MS }),
  ];
  const afterMs = Math.max(...waits);
  return afterMs === 0 ? { kind: "ok" } : { kind: "wait", afterMs };
}

/** Whether a write made at `at` still counts; a stamp of more than an hour ahead is of a clock that was wrong. */
export function counts(at: number, now: number): boolean {
  return at > now - HOUR_MS && at <= now + HOUR_MS;
}

function waitFor(
  writes: number,
  {
    times,
    now,
    most,
    within,
  }: { readonly times: readonly number[]; readonly now: number; readonly most: number; readonly within: number },
): number {
  const counted = times.filter((at) => at > now - within);
  // More at once than a whole budget holds goes when nothing else was written.
  const over = counted.length + Math.min(writes, most) - most;
  const last = over <= 0 ? undefined : counted[over - 1];
  return last === undefined ? 0 : last + within - now;
}
