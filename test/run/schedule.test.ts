import { expect, test } from "vitest";

import type { Schedule } from "../../src/pipeline/pipeline.ts";
import { dueSlots } from "../../src/run/due-schedule.ts";
import { cronOf, slotOf, slotParams, slotRequest, slotsBetween } from "../../src/run/schedule-slots.ts";

const schedule = (cron: string, more: Partial<Schedule> = {}): Schedule => ({
  at: [1, 1, 1, 1],
  cron,
  timezone: "UTC",
  refresh: ["train"],
  params: {},
  catchUp: "last",
  ...more,
});
const at = (text: string): number => Date.parse(text);
const shown = (slots: readonly number[]): readonly string[] =>
  slots.map((slot) => new Date(slot).toISOString().slice(0, 16));
const between = (one: Schedule, after: string, until: string, most = 1_000): readonly string[] =>
  shown(slotsBetween(one, { after: at(after), until: at(until), most }));

test("a slot belongs to the time that ends with it", () => {
  const hourly = schedule("0 * * * *");
  expect(between(hourly, "2026-01-01T00:00:00Z", "2026-01-01T02:00:00Z")).toEqual([
    "2026-01-01T01:00",
    "2026-01-01T02:00",
  ]);
  expect(between(hourly, "2026-01-01T00:00:00Z", "2026-01-01T00:59:59Z")).toEqual([]);
  expect(between(hourly, "2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z")).toEqual(["2026-01-01T00:00"]);
});

test("of many slots the newest are taken, oldest first", () => {
  expect(between(schedule("0 * * * *"), "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", 3)).toEqual([
    "2026-01-01T22:00",
    "2026-01-01T23:00",
    "2026-01-02T00:00",
  ]);
  expect(between(schedule("0 * * * *"), "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", 0)).toEqual([]);
});

test("slots are local times, far east and far west of Greenwich", () => {
  const daily = (timezone: string): readonly string[] =>
    between(schedule("30 23 * * *", { timezone }), "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z");
  expect(daily("Pacific/Kiritimati")).toEqual(["2026-01-01T09:30", "2026-01-02T09:30"]);
  expect(daily("Pacific/Pago_Pago")).toEqual(["2026-01-01T10:30", "2026-01-02T10:30"]);
  expect(daily("Asia/Kathmandu")).toEqual(["2026-01-01T17:45", "2026-01-02T17:45"]);
});

test("times of a day that a zone left out altogether are due at the end of that gap", () => {
  // Samoa went from 29 to 31 December 2011.
  const daily = schedule("0 12 * * *", { timezone: "Pacific/Apia" });
  expect(between(daily, "2011-12-29T00:00:00Z", "2012-01-01T00:00:00Z")).toEqual([
    "2011-12-29T22:00",
    "2011-12-30T10:00",
    "2011-12-30T22:00",
    "2011-12-31T22:00",
  ]);
});

test("a request names the line of its schedule, however it is spaced, and the slot", () => {
  const one = { cron: "  0   4 * *\t1 " };
  const slot = at("2026-01-05T04:00:00Z");
  expect(cronOf(one)).toBe("0 4 * * 1");
  expect(slotRequest(one, slot)).toBe("schedule:0 4 * * 1:2026-01-05T04:00:00Z");
  expect(slotOf(slotRequest(one, slot))).toEqual({ cron: "0 4 * * 1", slot });
});

test.each([
  "push:main",
  "schedule:0 4 * * 1",
  "schedule::2026-01-05T04:00:00Z",
  "schedule:0 4 * * 1:2026-01-05",
  "schedule:0 4 * * 1:2026-13-05T04:00:00Z",
  "schedule:0 4 * * 1:2026-01-05T04:00:00Z ",
  "x schedule:0 4 * * 1:2026-01-05T04:00:00Z",
])("%j is no request of a schedule", (request) => {
  expect(slotOf(request)).toBeUndefined();
});

test("the local date of a slot is put into all texts of its parameters, and other values stay", () => {
  const params = {
    a: "${{ schedule.date }}/${{schedule.date}}",
    b: [1, null, { c: "x ${{ schedule.date}}" }],
    d: true,
    e: null,
    f: "${{ other }}",
  };
  const slot = at("2026-01-05T23:30:00Z");
  expect(slotParams(schedule("0 0 * * *", { params, timezone: "Europe/Berlin" }), slot)).toEqual({
    a: "2026-01-06/2026-01-06",
    b: [1, null, { c: "x 2026-01-06" }],
    d: true,
    e: null,
    f: "${{ other }}",
  });
  expect(
    slotParams(schedule("0 0 * * *", { params: { a: "${{ schedule.date }}" }, timezone: "America/New_York" }), slot),
  ).toEqual({
    a: "2026-01-05",
  });
});

const HOURLY = schedule("0 * * * *");
const due = (one: Schedule, now: string, since: string, requests: readonly string[] = []): readonly string[] =>
  shown(dueSlots(one, { now: at(now), since: at(since), requests }));

test("what `catch_up: all` makes up for are a hundred slots at most, the newest", () => {
  const all = due({ ...HOURLY, catchUp: "all" }, "2026-01-10T00:00:00Z", "2026-01-01T00:00:00Z");
  expect([all.length, all[0], all.at(-1)]).toEqual([100, "2026-01-05T21:00", "2026-01-10T00:00"]);
});

test("`catch_up: none` takes a slot that is at most five minutes old", () => {
  const none = { ...HOURLY, catchUp: "none" } as const;
  const since = "2026-01-01T00:00:00Z";
  expect(due(none, "2026-01-10T04:04:59Z", since)).toEqual(["2026-01-10T04:00"]);
  expect(due(none, "2026-01-10T04:05:00Z", since)).toEqual([]);
  expect(due(none, "2026-01-10T04:01:00Z", since, ["schedule:0 * * * *:2026-01-10T04:00:00Z"])).toEqual([]);
});

test("nothing is due from before a schedule was first seen, and what ran counts where it was of this schedule", () => {
  const [now, since] = ["2026-01-10T04:30:00Z", "2026-01-10T04:10:00Z"];
  expect(due(HOURLY, now, since)).toEqual([]);
  expect(due(HOURLY, now, "2026-01-01T00:00:00Z", ["push:main", "schedule:1 * * * *:2026-01-10T04:01:00Z"])).toEqual([
    "2026-01-10T04:00",
  ]);
  expect(due(HOURLY, now, "2026-01-01T00:00:00Z", ["schedule:0 * * * *:2026-01-10T04:20:00Z"])).toEqual([
    "2026-01-10T04:00",
  ]);
  expect(due(HOURLY, now, "2026-01-01T00:00:00Z", ["schedule:0 * * * *:2026-01-10T04:00:00Z"])).toEqual([]);
});
