import type { Schedule } from "../pipeline/pipeline.ts";
import { cronOf, slotOf, slotsBetween } from "./schedule-slots.ts";

/** Missed slots beyond these are not made up for. */
const MOST = 100;
/** `catch_up: none`: a slot that nobody saw for so long was missed. */
const LATE_MS = 5 * 60_000;

/**
 * Slots of a schedule that are to be run by now (ms since 1970, oldest first). `requests` are those of the pipeline's
 * scheduled runs, accepted and recorded; `since` is when the schedule was first seen.
 */
export function dueSlots(
  schedule: Schedule,
  { now, since, requests }: { readonly now: number; readonly since: number; readonly requests: readonly string[] },
): readonly number[] {
  const ran = requests.flatMap((request) => {
    const slot = slotOf(request);
    return slot?.cron === cronOf(schedule) && isSlot(schedule, slot.slot) ? [slot.slot] : [];
  });
  const newest = Math.max(since, ...ran);
  const after = schedule.catchUp === "none" ? Math.max(newest, now - LATE_MS) : newest;
  return slotsBetween(schedule, { after, until: now, most: schedule.catchUp === "all" ? MOST : 1 });
}

/** Two schedules may have one cron line, in different time zones. */
function isSlot(schedule: Schedule, slot: number): boolean {
  return slotsBetween(schedule, { after: slot - 1_000, until: slot, most: 1 }).includes(slot);
}
