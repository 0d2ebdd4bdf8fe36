import { expect, test } from "vitest";

import { endedBroken, endedUnseen } from "../../src/run/step-job.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const PROFILE = { wallMs: 0, cpuUserMs: null, cpuSystemMs: null, peakBytes: null, method: "none" };

test("an attempt of which nothing was seen took no time, wrote no log, and failed as it is said", () => {
  const failure = { kind: "lost", why: "its worker died" } as const;
  expect(endedUnseen({ attempt: 2 }, failure, NOW)).toEqual({
    kind: "failed",
    failure,
    attempt: { attempt: 2, startedAt: "2026-01-01T00:00:00.000Z", profile: PROFILE, failure, log: null },
    tail: [],
    nearMiss: undefined,
  });
});

test.each<[unknown, string]>([
  [new Error("no space left\n  at somewhere"), "no space left"],
  ["a word", "a word"],
  [new Error("x".repeat(300)), "x".repeat(200)],
  [new Error(""), ""],
])("a surprise ends an attempt as lost, with its first line", (error, words) => {
  expect(endedBroken({ attempt: 1 }, error, NOW)).toMatchObject({
    kind: "failed",
    failure: { kind: "lost", why: `what performed it failed, ${words}` },
    attempt: { attempt: 1 },
  });
});
