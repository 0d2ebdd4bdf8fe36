import { expect, test } from "vitest";

import { aborted } from "../../src/run/aborted.ts";
import { endedAt } from "../../src/run/ended-at.ts";

test("nothing ends before it began, by whatever clock", () => {
  const began = "2026-01-01T00:00:10.000Z";
  expect(endedAt(began, Date.parse(began) + 5_000)).toBe("2026-01-01T00:00:15.000Z");
  expect(endedAt(began, Date.parse(began) - 5_000)).toBe(began);
});

test("a signal that says stop is heard, now or later", async () => {
  expect(await aborted(AbortSignal.abort())).toBeUndefined();
  const controller = new AbortController();
  const heard: string[] = [];
  const stopped = aborted(controller.signal).then(() => heard.push("stop"));
  await Promise.resolve();
  expect(heard).toEqual([]);
  controller.abort();
  await stopped;
  expect(heard).toEqual(["stop"]);
});
