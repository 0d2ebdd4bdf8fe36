import { expect, test } from "vitest";

import { noteDrift } from "../../src/controller/note-drift.ts";
import { missingIssue, pinIssue, refusedPushIssue, strayIssue } from "../../src/report/drift.ts";
import { digestOf } from "../../src/identity/identity.ts";
import { releaseOf } from "../../src/release/release.ts";
import { digitsRun, runId } from "../manifest/run-records.ts";
import { memoryTable } from "./memory-table.ts";

const HOUR = 3_600_000;
const OTHER = { marker: "<!-- sluice:forced prod/digits -->", title: "It was forced", body: "" };

test("what drifts is told as one thing until it is mended, and as another one when it comes again", async () => {
  const table = memoryTable();
  let now = Date.parse("2026-01-05T12:00:00Z");
  const pin = { environment: "prod", pipeline: "digits", run: runId("a") };
  const look = async (same: boolean) => {
    const strays = [{ kind: "taken", path: "releases/x" }] as const;
    const issues = [pinIssue(pin, { same, why: null }), strayIssue(same ? [] : strays), { ...OTHER, open: !same }].map(
      (issue) => ({ kind: "issue", ...issue }) as const,
    );
    const notices = await noteDrift({ table, clock: { now: () => now } }, { repository: 7, newsMs: HOUR }, issues);
    now += 60_000;
    return notices.map(({ id, environment, pipeline, text }) => [id, environment, pipeline, text]);
  };
  expect(await look(true)).toEqual([]);
  const first = await look(false);
  expect(first).toEqual([
    [
      "drift/prod/digits/2026-01-05T12:01:00.000Z",
      "prod",
      "digits",
      "environments/prod/digits.yaml is not what was released",
    ],
    [
      "drift/ledger-strays/2026-01-05T12:01:00.000Z",
      null,
      null,
      "The branch sluice/ledger holds what Sluice did not write",
    ],
  ]);
  expect(await look(false)).toEqual(first);
  now += HOUR;
  expect(await look(false)).toEqual([]);
  expect(await look(true)).toEqual([]);
  const [again] = await look(false);
  expect(again?.[0]).not.toBe(first[0]?.[0]);
});

test("lost bytes of what is live and pushes that are refused are told too, beside a pin of the same release", async () => {
  const pin = { environment: "prod", pipeline: "digits", run: runId("a") };
  const release = releaseOf(digitsRun(), digestOf("manifest"));
  const issues = [
    pinIssue(pin, { same: false, why: null }),
    missingIssue(pin, release, release.artifacts.slice(0, 1)),
    refusedPushIssue([{ ref: "refs/heads/sluice/ledger", why: "a rule forbids it" }]),
  ].map((issue) => ({ kind: "issue", ...issue }) as const);
  const ports = { table: memoryTable(), clock: { now: () => Date.parse("2026-01-05T12:00:00Z") } };
  const notices = await noteDrift(ports, { repository: 7, newsMs: HOUR }, issues);
  expect(notices.map(({ id, environment, text }) => [id, environment, text])).toEqual([
    ["drift/prod/digits/2026-01-05T12:00:00.000Z", "prod", "environments/prod/digits.yaml is not what was released"],
    ["drift/missing/prod/digits/2026-01-05T12:00:00.000Z", "prod", "digits is live in prod without 1 artifact"],
    ["drift/refused-pushes/2026-01-05T12:00:00.000Z", null, "This repository does not take what Sluice writes"],
  ]);
});
