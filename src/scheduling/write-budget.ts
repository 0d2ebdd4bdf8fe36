/** GitHub's limits on content written by one installation, kept from our side (SEMANTICS §12). */
const A_MINUTE = 60;
const AN_HOUR = 400;

/** When the last hour's writes were made, ms since 1970, oldest first. */
export interface WriteBudget {
  readonly writes: readonly number[];
}

export type Spent =
  | { readonly kind: "ok"; readonly budget: WriteBudget }
  | { readonly kind: "wait"; readonly afterMs: number };

export function startBudget(): WriteBudget {
  return { writes: [] };
}

/** Takes one write out of the budget, or says after how many ms there is one. */
export function spend({ writes }: WriteBudget, now: number): Spent {
  // A clock that was put back, or another machine's that is ahead, makes no write unmade.
  const hour = writes.map((at) => Math.min(at, now)).filter((at) => at > now - 3_600_000);
  const minute = hour.filter((at) => at > now - 60_000);
  const [oldest = now] = minute;
  if (minute.length >= A_MINUTE) return { kind: "wait", afterMs: oldest + 60_000 - now };
  if (hour.length >= AN_HOUR) return { kind: "wait", afterMs: (hour[0] ?? now) + 3_600_000 - now };
  return { kind: "ok", budget: { writes: [...hour, now] } };
}
