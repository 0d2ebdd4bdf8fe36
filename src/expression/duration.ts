const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  y: 31_536_000_000,
};

/** Milliseconds of `90s`, `30m`, `2h`, `7d`, `2y` (day = 24 h, year = 365 d); undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|y)$/.exec(text);
  const unit = match?.[2] === undefined ? undefined : UNITS[match[2]];
  if (match?.[1] === undefined || unit === undefined) return undefined;
  const milliseconds = Number(match[1]) * unit;
  if (milliseconds <= 0 || !Number.isSafeInteger(Math.round(milliseconds))) return undefined;
  return Math.max(1, Math.round(milliseconds));
}
