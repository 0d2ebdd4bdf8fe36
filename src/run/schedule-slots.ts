import { CronExpressionParser } from "cron-parser";

import type { Json, JsonObject } from "../identity/canonical-json.ts";
import type { Schedule } from "../pipeline/pipeline.ts";

type Times = Pick<Schedule, "cron" | "timezone">;

/**
 * Times of a schedule after one instant and until another (ms since 1970), the newest `most` of them, oldest first.
 * A cron line says local times: one that a clock change leaves out is taken at the end of the gap, one that comes twice
 * is taken once, the first time (SEMANTICS §1).
 */
export function slotsBetween(
  schedule: Times,
  { after, until, most }: { readonly after: number; readonly until: number; readonly most: number },
): readonly number[] {
  const { timezone } = schedule;
  const farthest = Math.max(...[-DAY, 0, DAY].map((shift) => offsetAt(until + shift, timezone))) + MINUTE;
  // The line is read as if local clocks never changed; what they do is put right one time after the other.
  const times = CronExpressionParser.parse(schedule.cron, { tz: "UTC", currentDate: new Date(until + farthest) });
  const slots = new Set<number>();
  const nearest = Math.min(...[-DAY, 0, DAY].map((shift) => offsetAt(after + shift, timezone)));
  while (slots.size < most && times.hasPrev()) {
    const local = times.prev().getTime();
    // Later than this no local time comes after `after`.
    if (local <= after + nearest - DAY) break;
    const instant = instantOf(local, timezone);
    if (instant > after && instant <= until) slots.add(instant);
  }
  return [...slots].sort((a, b) => a - b);
}

const MINUTE = 60_000;
const DAY = 86_400_000;

/** `schedule:<cron>:<slot>`: what a scheduled run was asked for by. */
export function slotRequest(schedule: Pick<Schedule, "cron">, slot: number): string {
  return `schedule:${cronOf(schedule)}:${timeOf(slot)}`;
}

/** The cron line and slot of a scheduled run's request; undefined for any other. */
export function slotOf(request: string): { readonly cron: string; readonly slot: number } | undefined {
  const [, cron, time] = /^schedule:(.+):(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z)$/.exec(request) ?? [];
  const slot = Date.parse(time ?? "");
  return cron === undefined || Number.isNaN(slot) ? undefined : { cron, slot };
}

/** A cron line as requests name it: however it is spaced, it is the same schedule. */
export function cronOf({ cron }: Pick<Schedule, "cron">): string {
  return cron.trim().split(/\s+/).join(" ");
}

/** Parameters of one slot: `${{ schedule.date }}` is its local date. */
export function slotParams({ params, timezone }: Pick<Schedule, "params" | "timezone">, slot: number): JsonObject {
  const date = new Date(slot + offsetAt(slot, timezone)).toISOString().slice(0, 10);
  return filled(params, (text) => text.replace(/\$\{\{\s*schedule\.date\s*\}\}/g, date)) as JsonObject;
}

function filled(value: Json, fill: (text: string) => string): Json {
  if (typeof value === "string") return fill(value);
  if (Array.isArray(value)) return value.map((item: Json) => filled(item, fill));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, filled(item, fill)]));
}

function timeOf(slot: number): string {
  return new Date(slot).toISOString().replace(".000Z", "Z");
}

/** When a local time (as ms of the same time in UTC) is: the first of two, the end of the gap for none. */
function instantOf(local: number, zone: string): number {
  const offsets = [offsetAt(local - DAY, zone), offsetAt(local + DAY, zone)];
  const candidates = offsets.map((offset) => local - offset).filter((at) => at + offsetAt(at, zone) === local);
  if (candidates.length > 0) return Math.min(...candidates);
  let [before, behind] = [local - DAY, local + DAY];
  while (behind - before > 1_000) {
    const middle = Math.floor((before + behind) / 2_000) * 1_000;
    if (middle + offsetAt(middle, zone) < local) before = middle;
    else behind = middle;
  }
  return behind;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** What local clocks show more than UTC at an instant, in ms. */
function offsetAt(instant: number, zone: string): number {
  let format = formats.get(zone);
  if (format === undefined) {
    const two = "2-digit";
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: two,
      day: two,
      hour: two,
      minute: two,
      second: two,
    });
    formats.set(zone, format);
  }
  const part = new Map(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
  const [year = 0, month = 1, day = 1] = [part.get("year"), part.get("month"), part.get("day")];
  const [hour = 0, minute = 0, second = 0] = [part.get("hour"), part.get("minute"), part.get("second")];
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1_000) * 1_000;
}
