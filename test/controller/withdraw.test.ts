import { expect, test } from "vitest";

import { withdraw } from "../../src/controller/withdraw.ts";
import type { Answer, PullRequest } from "../../src/forge/forge.ts";
import type { ReleaseEvent } from "../../src/release/release-event.ts";
import { runId } from "../manifest/run-records.ts";
import { PAGE } from "./promotion-page.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");

/** Ends a request whose page the forge answers for as given. */
async function ended(answers: { readonly asked?: Answer<PullRequest>; readonly closed?: Answer<PullRequest> }) {
  const recorded: ReleaseEvent[] = [];
  const request = {
    run: runId("a"),
    by: { id: 7, login: "alice" },
    at: "2025-12-31T00:00:00Z",
    cause: "comment:1",
    pullRequest: 5,
    approvals: [],
    objections: [],
  };
  const looked = await withdraw(
    {
      forge: {
        pullRequest: async () => answers.asked ?? { kind: "ok", value: PAGE },
        updatePullRequest: async () => answers.closed ?? { kind: "ok", value: { ...PAGE, state: "closed" } },
      },
      record: async (events) => void recorded.push(...events),
    },
    {
      environment: "prod",
      pipeline: "digits",
      request,
      why: "it failed",
      next: "promote another run",
      cause: "test",
      now: NOW,
    },
  );
  return { ...looked, kinds: recorded.map(({ kind }) => kind), shown: looked.states.map(({ kind }) => kind) };
}

test("a request that nothing could fulfil is closed with a word, and recorded as ended", async () => {
  expect(await ended({})).toMatchObject({ again: null, kinds: ["revoked"], shown: ["comment", "check", "issue"] });
});

test("what the forge does not let us close now is not recorded as ended, and is tried again when it may", async () => {
  const limit = { kind: "wait", until: NOW + 42_000, why: "our own limit on writes an hour" } as const;
  for (const answers of [{ asked: limit }, { closed: limit }])
    expect(await ended(answers)).toMatchObject({ again: 42_000, kinds: [], shown: [] });
  const gone = { kind: "unreachable", why: "502" } as const;
  expect(await ended({ closed: gone })).toMatchObject({ again: 5_000, kinds: [] });
});
