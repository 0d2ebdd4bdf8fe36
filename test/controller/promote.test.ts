import { join } from "node:path";

import { expect, test } from "vitest";

import { promote } from "../../src/controller/promote/promote.ts";
import type { PromoteOrder, PromotePorts } from "../../src/controller/promote/promotion.ts";
import { recordEvents } from "../../src/controller/record-events.ts";
import type { Answer, PullRequest } from "../../src/forge/forge.ts";
import type { RemoteLedger } from "../../src/git/mirror.ts";
import { digestOf, type CommitSha, type RunId } from "../../src/identity/identity.ts";
import type { Person } from "../../src/identity/repository.ts";
import { sqliteHistory } from "../../src/index/sqlite-history.ts";
import type { Voter } from "../../src/release/decide.ts";
import { foldEvents, standingOf, type Standing } from "../../src/release/environment-state.ts";
import { releaseOf } from "../../src/release/release.ts";
import type { Actor, ReleaseEvent } from "../../src/release/release-event.ts";
import { verifyEvent } from "../../src/release/verify-event.ts";
import { fileSigner } from "../../src/signer/file-signer.ts";
import { opened } from "../contract/git.ts";
import { digitsRun, runId, sha } from "../manifest/run-records.ts";
import { repository } from "../sluice.ts";
import { PAGE } from "./promotion-page.ts";

const LEDGER = "refs/heads/sluice/ledger";
const MIDNIGHT = Date.parse("2026-01-01T00:00:00Z");
const [FIRST, SECOND] = [runId("a"), runId("b")];

/** A ledger with what people ask of `digits` in `prod`, and promotions that write to it. */
async function prod(
  approvals: PromoteOrder["environment"]["approvals"],
  {
    queue = null,
    page = () => PAGE,
    by = () => ok(PAGE.author),
    voters = [],
    taken = () => ok(true),
    asks = () => null,
    authors = () => ok([]),
    free = () => true,
    merge = never,
    refused = () => null,
    now = () => MIDNIGHT,
  }: {
    /** What was asked of the branch's merge queue; null: it has none. */
    readonly queue?: string[] | null;
    /** The promotion's pull request as the forge has it. */
    readonly page?: () => PullRequest;
    /** Who put it into the queue. */
    readonly by?: () => Answer<Person>;
    readonly voters?: readonly Voter[];
    /** What the queue says to taking it out. */
    readonly taken?: () => Answer<boolean>;
    /** What the forge says when it is asked who agrees; null: who does. */
    readonly asks?: () => Answer<readonly Voter[]> | null;
    /** Authors as the forge tells them in the moment of merging. */
    readonly authors?: () => Answer<readonly Actor[]>;
    /** Whether nobody holds it in the moment of merging. */
    readonly free?: () => boolean;
    /** What the forge says to merging where no queue stands. */
    readonly merge?: () => Answer<CommitSha>;
    /** Why the forge does not take the promotion's branch; null: it does. */
    readonly refused?: () => string | null;
    /** The time at the moment of asking. */
    readonly now?: () => number;
  } = {},
) {
  const bench = repository({ "a.txt": "a" });
  bench.commit();
  const git = await opened(bench.root, "native");
  const ledger: RemoteLedger = {
    ref: LEDGER,
    refresh: async () => undefined,
    publish: async () => ({ kind: "published" }),
  };
  const signer = fileSigner(join(bench.root, "keys"), undefined);
  const history = sqliteHistory(join(bench.root, "history.sqlite"), {
    head: () => git.resolve(LEDGER),
    log: (until) => git.log(LEDGER, until),
    files: (commit, paths) => git.files(commit, paths),
  });
  const record = async (events: readonly ReleaseEvent[]): Promise<void> =>
    void (await recordEvents({ git, signer, ledger }, "42", events));
  const standing = async (): Promise<Standing> => {
    await history.sync();
    const keys = new Map([[signer.keyId, signer.publicKey]]);
    const events = history.events().map((entry) => verifyEvent(entry, keys, "42"));
    return standingOf(
      foldEvents(events.flatMap((one) => (one.kind === "valid" ? [one.event] : []))).get("prod"),
      "digits",
    );
  };
  const ports: PromotePorts = {
    forge: {
      pullRequest: async () => ok(page()),
      merge: async () => (queue === null ? merge() : { kind: "refused", status: 405, why: "use the merge queue" }),
      enqueue: async (_number, { sha: head }) => {
        if (queue === null) return ok("no-queue");
        queue.push(`in ${head === PAGE.head.sha ? "as shown" : head}`);
        return ok("queued");
      },
      enqueuedBy: async () => by(),
      dequeue: async () => {
        queue?.push("out");
        return taken();
      },
      updatePullRequest: async () => ok(PAGE),
    },
    open: async () => {
      const why = refused();
      return why === null ? ok({ pullRequest: PAGE, shownAt: 0, valid: true }) : { kind: "refused", status: 403, why };
    },
    // A label is older than the look at what was merged.
    voters: async ({ merged }) => asks() ?? ok(merged ? voters.map(unseen) : voters),
    evidenceBefore: async () => digestOf(FIRST),
    authors: async () => authors(),
    stillFree: async () => free(),
    record,
    now,
  };
  return {
    standing,
    say: async (kind: ReleaseEvent["kind"], comment: number, run: RunId | null = null) =>
      record([asked(kind, `comment:${comment}`, run)]),
    look: async () => {
      const now = await standing();
      const order = orderOf(now, approvals);
      // A merge replaces the pin that is a part of the evidence.
      return promote(ports, page().merged ? { ...order, evidence: digestOf("merged") } : order);
    },
  };
}

function unseen(voter: Voter): Voter {
  return { ...voter, approval: { ...voter.approval, evidence: null } };
}

function ok<Value>(value: Value): { readonly kind: "ok"; readonly value: Value } {
  return { kind: "ok", value };
}

function never(): never {
  throw new Error("nothing is merged here");
}

function asked(kind: ReleaseEvent["kind"], cause: string, run: RunId | null): ReleaseEvent {
  return {
    kind,
    environment: "prod",
    pipeline: "digits",
    run,
    evidence: null,
    by: { id: 7, login: "ada" },
    cause,
    at: "2026-01-01T00:00:00Z",
    reason: null,
    pullRequest: null,
    deployment: null,
    revokes: null,
  };
}

function orderOf(standing: Standing, approvals: PromoteOrder["environment"]["approvals"]): PromoteOrder {
  const { request } = standing;
  if (request === null) throw new Error("nothing is asked for");
  const environment = { name: "prod", after: null, soakMs: 0, approvals, windows: [], freezes: [], deploy: null };
  return {
    environment,
    pipeline: "digits",
    branch: PAGE.base.branch,
    request,
    candidate: releaseOf(digitsRun({ id: request.run, trigger: "push" }), digestOf(request.run)),
    live: null,
    state: undefined,
    standing,
    upstream: undefined,
    gates: [],
    evidence: digestOf(request.run),
    authors: [],
    now: MIDNIGHT,
    unattended: approvals === null,
  };
}

test("where nobody has to agree, a run is released again after a rollback left it", async () => {
  const { say, look, standing } = await prod(null);
  await say("requested", 1, FIRST);
  await look();
  await say("requested", 2, SECOND);
  await look();
  expect((await standing()).live?.run).toBe(SECOND);
  await say("rolled-back", 3, FIRST);
  await say("unheld", 4);
  await say("requested", 5, SECOND);
  expect((await look()).released).toBe(true);
  const { live, request } = await standing();
  expect([live?.run, request]).toEqual([SECOND, null]);
});

test("a page that stays open for another request is that request's page too, each time it is asked for", async () => {
  const { say, look, standing } = await prod({ count: 1, teams: [], users: [], author: false, expiresMs: null });
  let comment = 0;
  for (const run of [FIRST, SECOND, FIRST]) {
    await say("requested", ++comment, run);
    await look();
    const { request } = await standing();
    expect([request?.run, request?.pullRequest]).toEqual([run, PAGE.number]);
  }
});

test("a promotion whose branch the forge does not take is told by an issue, which goes when it is there", async () => {
  let refused: string | null = "protected branch hook declined";
  const { say, look } = await prod(ONE, { refused: () => refused });
  await say("requested", 1, FIRST);
  const stuck = await look();
  expect(stuck.again).toBeGreaterThan(0);
  expect(stuck.states).toEqual([expect.objectContaining({ kind: "issue", open: true })]);
  expect(stuck.states).toMatchObject([
    {
      title: "The promotion of digits to prod cannot be opened",
      body: expect.stringContaining(
        "`sluice/promote/prod/digits` or its pull request: protected branch hook declined.",
      ),
    },
  ]);
  refused = null;
  const { states } = await look();
  expect(states.filter(({ kind }) => kind === "issue")).toEqual([expect.objectContaining({ open: false })]);
});

const ONE = { count: 1, teams: [], users: [], author: false, expiresMs: null };
const BOB: Voter = {
  approval: {
    by: { id: 8, login: "bob" },
    at: "2026-01-01T00:00:00Z",
    evidence: digestOf(FIRST),
    cause: "label:9",
  },
  allowed: true,
  bot: false,
};
const MERGED = {
  ...PAGE,
  state: "closed",
  merged: true,
  mergeCommit: sha("f"),
  mergedBy: { id: 3, login: "github-merge-queue[bot]", bot: true },
} as const;

test.each([
  ["a merge", ONE],
  ["a release of its own", null],
])("the time of %s is when it came about, however long ago it was begun to be decided", async (_, approvals) => {
  let time = MIDNIGHT;
  const { say, look, standing } = await prod(approvals, {
    voters: [BOB],
    now: () => time,
    free: () => {
      time += 30_000;
      return true;
    },
    merge: () => ok(sha("f")),
  });
  await say("requested", 1, FIRST);
  expect((await look()).released).toBe(true);
  expect((await standing()).live?.since).toBe("2026-01-01T00:00:30.000Z");
});

test("where a merge queue stands it is handed exactly what was agreed to, and what came to wait is taken out", async () => {
  const queue: string[] = [];
  let page: PullRequest = PAGE;
  const { say, look, standing } = await prod(ONE, { queue, page: () => page, voters: [BOB] });
  await say("requested", 1, FIRST);
  expect((await look()).released).toBe(false);
  expect([queue, (await standing()).live]).toEqual([["in as shown"], null]);
  await say("held", 2);
  await look();
  await say("unheld", 3);
  await look();
  expect(queue).toEqual(["in as shown", "out", "in as shown"]);
  page = MERGED;
  expect((await look()).released).toBe(true);
  expect((await standing()).live?.run).toBe(FIRST);
});

test("what somebody holds in the moment of merging is not merged, and is looked at again", async () => {
  // To merge anything throws here.
  const { say, look, standing } = await prod(ONE, { voters: [BOB], free: () => false });
  await say("requested", 1, FIRST);
  expect(await look()).toMatchObject({ released: false, again: 1_000 });
  expect((await standing()).live).toBeNull();
});

test("an author whom the forge tells only in the moment of merging is none who agrees", async () => {
  let page: PullRequest = PAGE;
  let authors: Answer<readonly Actor[]> = { kind: "unreachable", why: "502" };
  // To merge anything throws here.
  const { say, look, standing } = await prod(ONE, { page: () => page, voters: [BOB], authors: () => authors });
  await say("requested", 1, FIRST);
  expect(await look()).toMatchObject({ released: false, again: 5_000 });
  authors = ok([BOB.approval.by]);
  expect(await look()).toMatchObject({ released: false, again: 1_000 });
  // Nor of what a person merged.
  page = { ...MERGED, mergedBy: { id: 9, login: "eve", bot: false } };
  expect((await look()).released).toBe(false);
  const { live, request } = await standing();
  expect([live, request]).toEqual([null, null]);
});

test("a merge of ours that the forge did late is no release where somebody held it meanwhile", async () => {
  let page: PullRequest = PAGE;
  const { say, look, standing } = await prod(ONE, { queue: [], page: () => page, voters: [BOB] });
  await say("requested", 1, FIRST);
  await look();
  await say("held", 2);
  page = { ...MERGED, mergedBy: { ...PAGE.author, bot: true } };
  expect((await look()).released).toBe(false);
  expect((await standing()).live).toBeNull();
});

test.each([
  ["ours", () => ({ ...PAGE.author, bot: true })],
  ["the queue's", () => MERGED.mergedBy],
])("a merge of %s that was not recorded yet is a release also where somebody held it afterwards", async (_, by) => {
  let page: PullRequest = PAGE;
  const { say, look, standing } = await prod(ONE, { queue: [], page: () => page, voters: [BOB] });
  await say("requested", 1, FIRST);
  await look();
  await say("held", 2);
  page = { ...MERGED, mergedBy: by(), mergedAt: "2025-12-31T23:59:58Z" };
  expect((await look()).released).toBe(true);
  const { live, hold } = await standing();
  expect([live?.run, hold === null]).toEqual([FIRST, false]);
});

test("what a person put into the queue past what it waited for is no release", async () => {
  let page: PullRequest = PAGE;
  const { say, look, standing } = await prod(ONE, {
    queue: [],
    page: () => page,
    by: () => ok({ id: 9, login: "eve", bot: false }),
    voters: [BOB],
  });
  await say("requested", 1, FIRST);
  await look();
  await say("held", 2);
  page = MERGED;
  expect((await look()).released).toBe(false);
  const { live, request } = await standing();
  expect([live, request]).toEqual([null, null]);
});

test("what we put into the queue and was held before the queue merged it is no release", async () => {
  let page: PullRequest = PAGE;
  const { say, look, standing } = await prod(ONE, {
    queue: [],
    page: () => page,
    voters: [BOB],
    taken: () => ({ kind: "refused", status: 403, why: "it is being merged" }),
  });
  await say("requested", 1, FIRST);
  await look();
  await say("held", 2);
  const [check] = (await look()).states;
  expect(JSON.stringify(check)).toContain("the merge queue does not let it go: it is being merged");
  page = MERGED;
  expect((await look()).released).toBe(false);
  const { live, request } = await standing();
  expect([live, request]).toEqual([null, null]);
});

test("a merge is judged once the forge says who agreed and who put it into the queue", async () => {
  let page: PullRequest = PAGE;
  let away = true;
  let asking = false;
  const gone = { kind: "unreachable", why: "502" } as const;
  const { say, look, standing } = await prod(ONE, {
    queue: [],
    page: () => page,
    voters: [BOB],
    by: () => (away ? gone : ok(PAGE.author)),
    asks: () => (away && asking ? gone : null),
  });
  await say("requested", 1, FIRST);
  await look();
  page = MERGED;
  for (asking of [true, false]) {
    expect(await look()).toMatchObject({ released: false, again: 5_000 });
    expect((await standing()).request?.run).toBe(FIRST);
  }
  away = false;
  expect((await look()).released).toBe(true);
});

const MERGES = (): Answer<CommitSha> => ok(sha("f"));

test("what the forge refuses to merge says so where people look, and is merged once it may be", async () => {
  let answer: Answer<CommitSha> = { kind: "refused", status: 405, why: "At least 1 *approving* review is required" };
  const { say, look, standing } = await prod(ONE, { voters: [BOB], merge: () => answer });
  await say("requested", 1, FIRST);
  const looked = await look();
  expect(looked).toMatchObject({ released: false, again: 10_000 });
  // A rule may ask for this very check: it stays a success.
  expect(looked.states[0]).toMatchObject({
    check: {
      conclusion: "success",
      title: "the forge does not merge it: At least 1 *approving* review is required",
      summary: expect.stringContaining("At least 1 \\*approving\\* review is required"),
    },
  });
  answer = MERGES();
  expect((await look()).states[0]).toMatchObject({ check: { title: "nothing stands against it" } });
  expect((await standing()).live?.run).toBe(FIRST);
});

test("what was agreed to once and taken back is not counted again, whatever the forge still shows", async () => {
  const voters: Voter[] = [];
  const review = (allowed: boolean, cause = "review:9"): void =>
    void voters.splice(0, 1, { ...BOB, allowed, approval: { ...BOB.approval, cause } });
  const { say, look, standing } = await prod(ONE, { voters, merge: MERGES });
  const agreed = async () => (await standing()).request?.approvals.map(({ cause }) => cause);
  await say("requested", 1, FIRST);
  await say("held", 2);
  review(true);
  await look();
  expect(await agreed()).toEqual(["review:9"]);
  // Out of the team, and back.
  review(false);
  await look();
  review(true);
  await say("unheld", 3);
  expect((await look()).released).toBe(false);
  expect(await agreed()).toEqual([]);
  // It agrees anew, and somebody asks for another run and for this one again before anything is looked at.
  await say("held", 4);
  review(true, "review:10");
  await look();
  expect(await agreed()).toEqual(["review:10"]);
  await say("requested", 5, SECOND);
  await say("requested", 6, FIRST);
  await say("unheld", 7);
  const looked = await look();
  expect(looked.released).toBe(false);
  expect(JSON.stringify(looked.states[0])).toContain("it was taken back, or given for another request");
  review(true, "review:11");
  expect((await look()).released).toBe(true);
});

test("a promotion that somebody closes says on its page that nobody waits for it any more", async () => {
  let page: PullRequest = PAGE;
  const { say, look, standing } = await prod(ONE, { page: () => page });
  await say("requested", 1, FIRST);
  await look();
  page = { ...PAGE, state: "closed" };
  const { states } = await look();
  expect((await standing()).request).toBeNull();
  expect(states).toMatchObject([
    {
      check: {
        conclusion: "failure",
        title: "closed: its pull request was closed",
        summary: expect.stringContaining("/sluice promote prod digits"),
      },
    },
  ]);
});

test("what somebody merged into another branch is no release, whoever agreed", async () => {
  let page: PullRequest = PAGE;
  const { say, look, standing } = await prod(ONE, { page: () => page, voters: [BOB], queue: [] });
  await say("requested", 1, FIRST);
  await look();
  page = { ...MERGED, mergedBy: { ...PAGE.author, bot: true }, base: { ...PAGE.base, branch: "elsewhere" } };
  const { states, released } = await look();
  expect([released, (await standing()).live]).toEqual([false, null]);
  expect(states).toMatchObject([{ check: { title: "closed: merged into another branch, elsewhere" } }]);
});

test("an approval that is withdrawn while authors are asked for is none in the moment of merging", async () => {
  let gone = false;
  const { say, look, standing } = await prod(ONE, {
    asks: () => ok(gone ? [] : [BOB]),
    authors: () => {
      gone = true;
      return ok([]);
    },
    merge: () => ok(sha("f")),
  });
  await say("requested", 1, FIRST);
  expect(await look()).toMatchObject({ released: false });
  expect((await standing()).live).toBeNull();
  // Nor is it afterwards.
  expect(await look()).toMatchObject({ released: false });
});
