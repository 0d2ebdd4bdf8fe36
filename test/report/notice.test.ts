import { expect, test } from "vitest";

import type { RunId } from "../../src/identity/identity.ts";
import type { EnvironmentSettings } from "../../src/pipeline/settings.ts";
import type { ReleaseEvent } from "../../src/release/release-event.ts";
import { eventNotices, noticeBody, runNotices } from "../../src/report/notice.ts";
import { fourCharacters } from "../../src/report/words.ts";
import type { PastRun } from "../../src/run/due-upstream.ts";
import { runId, sha } from "../manifest/run-records.ts";

const NOON = Date.parse("2026-01-05T12:00:00Z");
const OF = { since: NOON, shortId: fourCharacters };

function run(id: string, minute: number, more: Partial<PastRun>) {
  const finishedAt = new Date(NOON + minute * 60_000).toISOString();
  const facts = { status: "succeeded", trigger: "push", request: "push:main", pullRequest: null } as const;
  return { id: runId(id), pipeline: "digits", source: sha(id), finishedAt, ...facts, ...more };
}

function said(notices: ReturnType<typeof runNotices>): readonly string[] {
  return notices.map(({ events, text }) => `${events.join(", ")} | ${text}`);
}

test("failures of branches and their end are told, those of pull requests and of before are not", () => {
  const runs = [
    run("f", 5, {}),
    run("e", 4, { status: "failed", trigger: "retry", request: `retry:${runId("c")}:1` }),
    run("d", 3, { status: "failed", trigger: "command", request: "comment:7", pullRequest: 7 }),
    run("c", 2, { status: "failed", trigger: "schedule", request: `schedule:0 4 * * *:2026-01-05T04:00:00Z` }),
    run("b", 1, { pipeline: "other", status: "refused" }),
    run("a", -1, { status: "failed" }),
  ];
  expect(said(runNotices(runs, OF))).toEqual([
    "recovered | digits: run ffff at fffffff succeeded, after eeee failed",
    "failed-schedule, failed-run | digits: scheduled (0 4 * * *) run eeee at eeeeeee failed",
    "failed-schedule, failed-run | digits: scheduled (0 4 * * *) run cccc at ccccccc failed",
    "failed-run | other: run bbbb at bbbbbbb refused",
  ]);
});

const event = (kind: ReleaseEvent["kind"], minute: number, more: Partial<ReleaseEvent> = {}): ReleaseEvent => ({
  kind,
  environment: "prod",
  pipeline: "digits",
  run: runId("a"),
  evidence: null,
  by: { id: 7, login: "ada" },
  cause: `comment:${minute}`,
  at: new Date(NOON + minute * 60_000).toISOString(),
  reason: null,
  pullRequest: null,
  deployment: null,
  revokes: null,
  ...more,
});

const APPROVALS = { count: 2, teams: [], users: [], author: false, expiresMs: null };
const PROD = [{ name: "prod", approvals: APPROVALS } as unknown as EnvironmentSettings];
const isNews = ({ at }: ReleaseEvent): boolean => Date.parse(at) >= NOON;
const OF_PROD = { ...OF, isNews, environments: PROD };

test("an environment tells who releases, holds and waits, and how its deployments end", () => {
  const events = [
    event("requested", -5),
    event("released", 1),
    event("deployed", 2, { deployment: { number: 1, end: "failed" } }),
    event("deployed", 3, { deployment: { number: 2, end: "succeeded" } }),
    event("held", 4, { pipeline: null, run: null, reason: "<!channel> @all we\nwait" }),
    event("requested", 5, { run: runId("b") }),
  ];
  const notices = eventNotices(events, OF_PROD);
  expect(said(notices)).toEqual([
    "released | prod/digits: released by ada (run aaaa)",
    "degraded | prod/digits: the deployment failed, it is degraded (run aaaa)",
    "recovered | prod/digits: deployed again (run aaaa)",
    "held | prod: held by ada: <!channel> @all we wait",
    "waiting-for-approval | prod/digits: asked for by ada, waits for 2 approvals (run bbbb)",
  ]);
  const held = notices.find(({ events: [kind] }) => kind === "held");
  if (held === undefined) throw new Error("nothing is held");
  // Nobody is called by what somebody wrote.
  expect(JSON.parse(noticeBody(held, { event: "held", repository: "acme/digits" }))).toEqual({
    text: "acme/digits · prod: held by ada: &lt;!channel&gt; @\u200Ball we wait",
    notice: 1,
    id: "held/prod/comment:4",
    event: "held",
    at: "2026-01-05T12:04:00.000Z",
    repository: "acme/digits",
    pipeline: null,
    environment: "prod",
    run: null as RunId | null,
    commit: null,
  });
});

test("what waits is told once by who asked first, and what ended, was agreed to or only deploys again is not", () => {
  const [b, c] = [{ run: runId("b") }, { run: runId("c") }];
  const waiting = (...events: readonly ReleaseEvent[]): readonly string[] =>
    eventNotices(events, OF_PROD).flatMap(({ id, events: [kind], text }) =>
      kind === "waiting-for-approval" ? [`${id} | ${text}`] : [],
    );
  const asked = event("requested", 5, b);
  const shown = event("requested", 6, { ...b, cause: "pull-request:12/comment:5", pullRequest: 12 });
  const told =
    "waiting-for-approval/prod/digits/comment:5 | prod/digits: asked for by ada, waits for 2 approvals (run bbbb)";
  expect(waiting(asked, shown, event("requested", 7, b))).toEqual([told]);
  expect(waiting(asked, event("revoked", 6, { ...b, revokes: "approval" }))).toEqual([told]);
  const agreed = (minute: number, id: number) => event("approved", minute, { ...b, by: { id, login: `${id}` } });
  expect(waiting(asked, agreed(6, 1))).toEqual([told.replace("2 approvals", "1 approval")]);
  expect(waiting(asked, agreed(6, 1), agreed(7, 2))).toEqual([]);
  expect(waiting(asked, event("revoked", 6, { ...b, revokes: "request" }))).toEqual([]);
  expect(waiting(event("released", 4, c), asked, event("rolled-back", 6))).toEqual([]);
  const failed = event("deployed", 3, { deployment: { number: 1, end: "failed" } });
  expect(waiting(event("released", 2), failed, event("requested", 4))).toEqual([]);
});
