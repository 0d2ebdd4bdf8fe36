/** What `setTimeout` holds, 31 bits of milliseconds: beyond, it fires at once, and 24 days are as good as no limit. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;
