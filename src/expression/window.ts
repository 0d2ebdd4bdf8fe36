/** When something may happen: on weekdays between two times, or over a span of days; local to a time zone. */
export type Window =
  | {
      readonly kind: "weekly";
      /** 0 is Sunday. */
      readonly days: readonly number[];
      /** Minutes after midnight; `to` before `from` reaches into the next day. */
      readonly from: number;
      readonly to: number;
      readonly zone: string;
    }
  /** Both days belong to it, as `YYYY-MM-DD`. */
  | { readonly kind: "dates"; readonly from: string; readonly to: string; readonly zone: string };

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const WEEKLY = /^(?:([a-z]{3}(?:[-,][a-z]{3})*) +)?(\d{2}):(\d{2})-(\d{2}):(\d{2})(?: +(\S+))?$/;
const DATES = /^(\d{4}-\d{2}-\d{2})(?:\.\.(\d{4}-\d{2}-\d{2}))?(?: +(\S+))?$/;

/** `mon-fri 09:00-17:00 Europe/Berlin` or `2026-12-20..2027-01-02 UTC` (zone: default UTC); undefined for anything else. */
export function parseWindow(text: string): Window | undefined {
  const dates = DATES.exec(text);
  if (dates?.[1] !== undefined) {
    const [, from, to = from, zone = "UTC"] = dates;
    return isDate(from) && isDate(to) && from <= to && isZone(zone) ? { kind: "dates", from, to, zone } : undefined;
  }
  const weekly = WEEKLY.exec(text);
  if (weekly === null) return undefined;
  const [, names, ...rest] = weekly;
  const days = names === undefined ? [0, 1, 2, 3, 4, 5, 6] : daysOf(names);
  const from = minutesOf(rest[0], rest[1]);
  const to = minutesOf(rest[2], rest[3]);
  const zone = rest[4] ?? "UTC";
  if (days === undefined || from === undefined || to === undefined || from === to || !isZone(zone)) return undefined;
  return { kind: "weekly", days, from, to, zone };
}

/** True when an instant (milliseconds since 1970) lies in a window. */
export function isWithin(window: Window, instant: number): boolean {
  const { date, day, minute } = localTime(instant, window.zone);
  if (window.kind === "dates") return window.from <= date && date <= window.to;
  const { days, from, to } = window;
  if (from < to) return days.includes(day) && from <= minute && minute < to;
  return (days.includes(day) && minute >= from) || (days.includes((day + 6) % 7) && minute < to);
}

function daysOf(names: string): readonly number[] | undefined {
  const days = new Set<number>();
  for (const part of names.split(",")) {
    const ends = part.split("-").map((name) => DAYS.indexOf(name));
    const [first, last = first] = ends;
    if (first === undefined || last === undefined || ends.length > 2 || ends.includes(-1)) return undefined;
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === last) break;
    }
  }
  return [...days].sort((a, b) => a - b);
}

function minutesOf(hours: string | undefined, minutes: string | undefined): number | undefined {
  const [hour, minute] = [Number(hours), Number(minutes)];
  return minute < 60 && (hour < 24 || (hour === 24 && minute === 0)) ? hour * 60 + minute : undefined;
}

function isDate(text: string | undefined): text is string {
  if (text === undefined) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

function localTime(
  instant: number,
  zone: string,
): { readonly date: string; readonly day: number; readonly minute: number } {
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  });
  const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, value]));
  const date = `${parts.get("year")}-${parts.get("month")}-${parts.get("day")}`;
  const minute = Number(parts.get("hour")) * 60 + Number(parts.get("minute"));
  return { date, day: new Date(`${date}T00:00:00Z`).getUTCDay(), minute };
}
