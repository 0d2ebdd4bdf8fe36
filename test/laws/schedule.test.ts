import fc from "fast-check";
import { expect, test } from "vitest";

import { runIdOf, type CommitSha } from "../../src/identity/identity.ts";
import type { Schedule } from "../../src/pipeline/pipeline.ts";
import { dueSlots } from "../../src/run/due-schedule.ts";
import { isOfBranch, upstreamRequests, type PastRun } from "../../src/run/due-upstream.ts";
import { slotOf, slotParams, slotRequest, slotsBetween } from "../../src/run/schedule-slots.ts";

function schedule(cron: string, timezone = "UTC", catchUp: Schedule["catchUp"] = "last"): Schedule {
  return { at: [1, 1, 1, 1], cron, timezone, refresh: ["train"], params: {}, catchUp };
}

function times(one: Schedule, from: string, to: string): readonly string[] {
  const slots = slotsBetween(one, { after: Date.parse(from), until: Date.parse(to), most: 1_000 });
  return slots.map((slot) => new Date(slot).toISOString().slice(0, 16));
}

test("a local time that is left out comes at the end of the gap, and one that comes twice comes once", () => {
  const daily = schedule("30 2 * * *", "Europe/Berlin");
  expect(times(daily, "2026-03-28T00:00Z", "2026-03-31T00:00Z")).toEqual([
    "2026-03-28T01:30",
    "2026-03-29T01:00",
    "2026-03-30T00:30",
  ]);
  expect(times(daily, "2026-10-24T00:00Z", "2026-10-27T00:00Z")).toEqual([
    "2026-10-24T00:30",
    "2026-10-25T00:30",
    "2026-10-26T01:30",
  ]);
});

test("a gap at midnight and one of half an hour are gaps like others, and two times in one gap are one", () => {
  expect(times(schedule("15 0 * * *", "America/Havana"), "2026-03-07T00:00Z", "2026-03-10T00:00Z")).toEqual([
    "2026-03-07T05:15",
    "2026-03-08T05:00",
    "2026-03-09T04:15",
  ]);
  expect(times(schedule("10 2 * * *", "Australia/Lord_Howe"), "2026-10-02T00:00Z", "2026-10-05T00:00Z")).toEqual([
    "2026-10-02T15:40",
    "2026-10-03T15:30",
    "2026-10-04T15:10",
  ]);
  expect(times(schedule("0,30 2 * * *", "Europe/Berlin"), "2026-03-29T00:00Z", "2026-03-29T12:00Z")).toEqual([
    "2026-03-29T01:00",
  ]);
});

const zones = fc.constantFrom(
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "Asia/Kathmandu",
  "Pacific/Apia",
);
const crons = fc.constantFrom("0 4 * * 1", "*/20 * * * *", "30 2 * * *", "15 0 1 * *", "0 0 29 2 *", "5 1,2,3 * * 0");
const instants = fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2030, 0, 1) });

test("looking often finds the slots that looking seldom finds, each once and in order", () => {
  fc.assert(
    fc.property(
      crons,
      zones,
      instants,
      fc.array(fc.integer({ min: 1, max: 40 * 3_600_000 }), { maxLength: 8 }),
      (cron, zone, start, steps) => {
        const one = schedule(cron, zone);
        const found: number[] = [];
        let at = start;
        for (const step of steps) {
          found.push(...slotsBetween(one, { after: at, until: at + step, most: 10_000 }));
          at += step;
        }
        expect(found).toEqual(slotsBetween(one, { after: start, until: at, most: 10_000 }));
        expect(new Set(found).size).toBe(found.length);
        expect(found.every((slot) => slot > start && slot <= at)).toBe(true);
        for (const slot of found) expect(slotOf(slotRequest(one, slot))).toEqual({ cron, slot });
      },
    ),
    { numRuns: 60 },
  );
});

test("missed slots: the last one, all of them, or none; one that ran is not due again", () => {
  const now = Date.parse("2026-01-10T04:30:00Z");
  const since = Date.parse("2026-01-05T12:00:00Z");
  const due = (catchUp: Schedule["catchUp"], requests: readonly string[] = [], at = now): readonly string[] =>
    dueSlots(schedule("0 4 * * *", "UTC", catchUp), { now: at, since, requests }).map((slot) =>
      new Date(slot).toISOString().slice(0, 10),
    );
  expect(due("last")).toEqual(["2026-01-10"]);
  expect(due("all")).toEqual(["2026-01-06", "2026-01-07", "2026-01-08", "2026-01-09", "2026-01-10"]);
  expect(due("none")).toEqual([]);
  expect(due("none", [], Date.parse("2026-01-10T04:00:30Z"))).toEqual(["2026-01-10"]);
  expect(due("last", ["schedule:0 4 * * *:2026-01-10T04:00:00Z"])).toEqual([]);
  expect(due("all", ["schedule:0 4 * * *:2026-01-08T04:00:00Z"])).toEqual(["2026-01-09", "2026-01-10"]);
  // The same line in another zone is another schedule.
  expect(due("last", ["schedule:0 4 * * *:2026-01-10T03:00:00Z"])).toEqual(["2026-01-10"]);
});

test("a slot's date is the one that local calendars show", () => {
  const one = {
    ...schedule("30 0 * * *", "Europe/Berlin"),
    params: { day: "${{ schedule.date }}", at: ["on ${{schedule.date}}", 1] },
  };
  expect(slotParams(one, Date.parse("2026-06-01T22:30:00Z"))).toEqual({
    day: "2026-06-02",
    at: ["on 2026-06-02", 1],
  });
});

function run(pipeline: string, request: string, more: Partial<PastRun> = {}): PastRun {
  const [trigger = ""] = request.split(":");
  const id = runIdOf("1", pipeline, "a".repeat(40) as CommitSha, request);
  return {
    id,
    pipeline,
    status: "succeeded",
    trigger: trigger as PastRun["trigger"],
    request,
    pullRequest: null,
    ...more,
  };
}

test("a pipeline starts once for the newest success of each upstream one, and circles start nothing", () => {
  const runs = new Map([
    ["a", run("a", "push:main")],
    ["b", run("b", "push:main")],
  ]);
  const newest = (name: string): PastRun | undefined => runs.get(name);
  expect(upstreamRequests("c", new Map([["c", ["a", "b", "none"]]]), newest)).toEqual([
    `upstream:${runs.get("a")?.id}`,
    `upstream:${runs.get("b")?.id}`,
  ]);
  const circle = new Map([
    ["a", ["c"]],
    ["b", ["a"]],
    ["c", ["b"]],
    ["d", ["a"]],
  ]);
  for (const name of ["a", "b", "c"]) expect(upstreamRequests(name, circle, newest)).toEqual([]);
  expect(upstreamRequests("d", circle, newest)).toHaveLength(1);
});

test("a retry belongs where the run that it repeats belongs", () => {
  const [main, other] = [run("a", "push:main"), run("a", "push:release/1")];
  const asked = run("a", "comment:5", { trigger: "command", pullRequest: 3 });
  const all = [main, other, asked];
  const find = (id: string): PastRun | undefined => all.find((one) => one.id === id);
  const retry = (of: PastRun): PastRun => run("a", `retry:${of.id}:9`, { pullRequest: 3 });
  expect([main, other, asked].map((one) => isOfBranch(one, "main", find))).toEqual([true, false, false]);
  expect([main, other, asked].map((one) => isOfBranch(retry(one), "main", find))).toEqual([true, false, false]);
});
