import { expect, test } from "vitest";

import { findRevert, type Reverted } from "../../src/controller/find-revert.ts";
import type { Answer, PullRequest } from "../../src/forge/forge.ts";
import { digestOf, type RunId } from "../../src/identity/identity.ts";
import type { Person } from "../../src/identity/repository.ts";
import { NOTHING, type Live } from "../../src/release/environment-state.ts";
import type { ReleaseEvent } from "../../src/release/release-event.ts";
import { pinPath, renderPin } from "../../src/release/release.ts";
import { event } from "../cli/released.ts";
import { opened } from "../contract/git.ts";
import { runId, sha } from "../manifest/run-records.ts";
import { repository } from "../sluice.ts";
import { PAGE } from "./promotion-page.ts";

const [FIRST, SECOND] = [runId("a"), runId("b")];
const OF = { environment: "prod", pipeline: "digits" };
const MAX: Person = { id: 9, login: "max", bot: false };

test("a revert that a merge queue merged is a rollback by whoever put it there", async () => {
  const bench = repository();
  for (const run of [FIRST, SECOND, FIRST]) {
    bench.write(pinPath(OF), pinOf(run));
    bench.commit();
  }
  const git = await opened(bench.root, "native");
  const tip = (await git.resolve("HEAD")) ?? sha("0");
  const judged = (queuedBy: Answer<Person | null>, ...events: readonly ReleaseEvent[]): Promise<Reverted> =>
    findRevert(
      {
        forge: {
          pullRequestsOf: async () => ({ kind: "ok", value: [PULL] }),
          pullRequest: async () => ({ kind: "ok", value: PULL }),
          enqueuedBy: async () => queuedBy,
        },
        mirror: { ...git, file: async (commit, path) => (await git.files(commit, [path])).get(path) },
        mayRollBack: async (login) => ({ kind: "ok", value: login === MAX.login }),
      },
      {
        ...OF,
        standing: { ...NOTHING, live: live(SECOND), earlier: [live(FIRST)] },
        events,
        branch: "main",
        tip,
        pin: pinOf(FIRST),
        at: "2026-01-01T00:00:00Z",
      },
    );
  const by = { id: MAX.id, login: MAX.login };
  expect(await judged({ kind: "ok", value: MAX })).toMatchObject({ kind: "rolled-back", event: { run: FIRST, by } });
  expect(await judged({ kind: "ok", value: { ...MAX, login: "bob" } })).toMatchObject({
    kind: "drift",
    why: expect.stringContaining("bob may not roll back"),
  });
  // That merge was the release of FIRST, and what was made offline before it came to the ledger after it.
  const released = event("released", `run:${FIRST}`, { run: FIRST });
  for (const one of [
    { ...released, cause: `merge:${tip}` },
    { ...released, pullRequest: PULL.number },
  ])
    expect(await judged({ kind: "ok", value: MAX }, one)).toEqual({ kind: "drift", why: null });
  const elsewhere = { ...released, cause: `merge:${tip}`, environment: "staging" };
  expect(await judged({ kind: "ok", value: MAX }, elsewhere)).toMatchObject({ kind: "rolled-back" });
  // Nobody is known to have asked for it.
  expect(await judged({ kind: "ok", value: null })).toMatchObject({ kind: "drift" });
  expect(await judged({ kind: "unreachable", why: "502" })).toMatchObject({ kind: "later" });
});

const PULL: PullRequest = {
  ...PAGE,
  state: "closed",
  merged: true,
  mergedBy: { id: 3, login: "github-merge-queue[bot]", bot: true },
  author: MAX,
};

function pinOf(run: RunId): string {
  return renderPin({ ...OF, run, manifest: digestOf(run), source: sha("a") });
}

function live(run: RunId): Live {
  return {
    run,
    since: "2000-01-01T00:00:00Z",
    by: { id: 7, login: "ada" },
    evidence: null,
    how: "released",
    pullRequest: null,
  };
}
