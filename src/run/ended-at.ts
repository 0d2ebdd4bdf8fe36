/** When something ended, by a clock that may have been set back since it began: never before that. */
export function endedAt(startedAt: string, now: number): string {
  return new Date(Math.max(now, Date.parse(startedAt))).toISOString();
}
