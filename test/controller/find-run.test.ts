import { expect, test } from "vitest";

import { findRun } from "../../src/controller/find-run.ts";
import type { RunId } from "../../src/identity/identity.ts";
import { foldEvents } from "../../src/release/environment-state.ts";
import type { ReleaseEvent } from "../../src/release/release-event.ts";
import { runId } from "../manifest/run-records.ts";

const [older, newer, other] = [runId("a"), runId("b"), runId("c")];

const released = (pipeline: string, run: RunId, at: string): ReleaseEvent => ({
  kind: "released",
  environment: "prod",
  pipeline,
  run,
  by: { id: 7, login: "hubot" },
  at,
  cause: `pull-request:${at}`,
  evidence: null,
  reason: null,
  pullRequest: null,
  deployment: null,
  revokes: null,
});

const find = (text: string, events: readonly ReleaseEvent[] = []) =>
  findRun(
    {
      history: {
        byPrefix: (prefix) => [older, newer].filter((id) => id.startsWith(prefix)),
        runs: () => [],
        readable: async () => undefined,
      },
      mirror: { resolve: async () => undefined },
      releases: { states: async () => foldEvents(events) },
    },
    text,
  );

test("less than four characters name no run, though one alone begins so", async () => {
  for (const text of [older.slice(0, 3), older.slice(0, 1), "", "latest~1", "#12"])
    expect(await find(text)).toMatchObject({ kind: "refused" });
  for (const text of [older.slice(0, 3), "nosuch"])
    expect(await find(text)).toEqual({ kind: "refused", why: `there is no run \`${text}\`` });
});

test("an environment names what is live there, and what was before it", async () => {
  const events = [released("digits", older, "2026-01-01T00:00:00Z"), released("digits", newer, "2026-01-02T00:00:00Z")];
  const both = [...events, released("letters", other, "2026-01-03T00:00:00Z")];
  expect(await find("prod", events)).toEqual({ kind: "found", id: newer });
  expect(await find("prod~1", events)).toEqual({ kind: "found", id: older });
  expect(await find("prod:digits~1", both)).toEqual({ kind: "found", id: older });
  expect(await find("prod", both)).toEqual({
    kind: "refused",
    why: "`prod` could be `prod:digits`, `prod:letters`",
  });
  expect(await find("prod~2", events)).toMatchObject({ kind: "refused", why: expect.stringContaining("releases") });
  expect(await find("prod:faces", both)).toMatchObject({ kind: "refused", why: expect.stringContaining("is live") });
});
