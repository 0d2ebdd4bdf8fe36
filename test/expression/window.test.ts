import { expect, test } from "vitest";

import { isWithin, parseWindow } from "../../src/expression/window.ts";

const at = (window: string, time: string): boolean | undefined => {
  const parsed = parseWindow(window);
  return parsed === undefined ? undefined : isWithin(parsed, Date.parse(time));
};

test.each([
  ["mon-fri 09:00-17:00 Europe/Berlin", "2026-11-24T08:00:00Z", true],
  ["mon-fri 09:00-17:00 Europe/Berlin", "2026-11-24T07:59:00Z", false],
  ["mon-fri 09:00-17:00 Europe/Berlin", "2026-11-24T16:00:00Z", false],
  ["mon-fri 09:00-17:00", "2026-11-28T10:00:00Z", false],
  ["fri-mon 09:00-17:00", "2026-11-28T10:00:00Z", true],
  ["sat,sun 00:00-24:00", "2026-11-28T23:59:00Z", true],
  ["fri 22:00-06:00", "2026-11-28T05:59:00Z", true],
  ["fri 22:00-06:00", "2026-11-27T05:59:00Z", false],
  ["2026-12-20..2027-01-02", "2027-01-02T23:59:00Z", true],
  ["2026-12-20..2027-01-02 Asia/Tokyo", "2027-01-02T15:00:00Z", false],
  ["2026-12-20", "2026-12-20T12:00:00Z", true],
] as const)("%s at %s: %s", (window, time, expected) => {
  expect(at(window, time)).toBe(expected);
});

test.each([
  "weekends",
  "mon-fri",
  "mon-fry 09:00-17:00",
  "09:00-25:00",
  "09:00-09:00",
  "09:00-17:00 Europe/Berln",
  "2026-02-30",
  "2027-01-02..2026-12-20",
  "",
])("%s is no window", (text) => {
  expect(parseWindow(text)).toBeUndefined();
});
