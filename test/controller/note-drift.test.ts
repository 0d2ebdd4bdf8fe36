import { expect, test } from "vitest";

import { noteDrift } from "../../src/controller/note-drift.ts";
import { pinIssue, strayIssue } from "../../src/report/drift.ts";
import { runId } from "../manifest/run-records.ts";
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
