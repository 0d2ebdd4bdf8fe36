import { execFileSync } from "node:child_process";
import { join } from "node:path";

import { promote } from "../src/controller/promote/promote.ts";
import type { PromoteOrder, PromotePorts } from "../src/controller/promote/promotion.ts";
import { recordEvents } from "../src/controller/record-events.ts";
import type { PullRequest } from "../src/forge/forge.ts";
import type { RemoteLedger } from "../src/git/mirror.ts";
import { openGit } from "../src/git/open-git.ts";
import { digestOf, parseCommitSha, runIdOf, type CommitSha, type RunId } from "../src/identity/identity.ts";
import { sqliteHistory } from "../src/index/sqlite-history.ts";
import type { Voter } from "../src/release/decide.ts";
import { foldEvents, standingOf, type EnvironmentState } from "../src/release/environment-state.ts";
import { eventMemory } from "../src/release/event-memory.ts";
import type { Release } from "../src/release/release.ts";
import type { ReleaseEvent } from "../src/release/release-event.ts";
import { fileSigner } from "../src/signer/file-signer.ts";
import type { Place } from "./place.ts";
import { median, row, type Row } from "./row.ts";

const PIPELINES = 500;
const ROUNDS = 11;
const LEDGER = "refs/heads/sluice/ledger";
const NOW = Date.parse("2026-01-01T00:00:00Z");
const SHA = shaOf("a");

/** One more approval in an environment of 500 pipelines: read from the ledger, decided, and the pull request's page made anew. */
export async function promotion(at: Place): Promise<Row[]> {
  const directory = at.fresh();
  execFileSync("git", ["init", "--quiet", directory]);
  const opened = await openGit(directory);
  if (opened.kind === "refused") throw new Error(opened.why);
  const { git } = opened;
  const signer = fileSigner(join(at.fresh(), "keys"), undefined);
  const ledger: RemoteLedger = {
    ref: LEDGER,
    refresh: async () => undefined,
    publish: async () => ({ kind: "published" }),
  };
  const record = async (events: readonly ReleaseEvent[]): Promise<void> =>
    void (await recordEvents({ git, signer, ledger }, "42", events));
  await record(Array.from({ length: PIPELINES }, (_, one) => storyOf(one)).flat());
  await using history = sqliteHistory(join(at.fresh(), "history.sqlite"), {
    head: () => git.resolve(LEDGER),
    log: (until) => git.log(LEDGER, until),
    files: (commit, paths) => git.files(commit, paths),
  });
  const counted = eventMemory(new Map([[signer.keyId, signer.publicKey]]), "42");
  const look = async (): Promise<void> => {
    await history.sync();
    const state = foldEvents(counted(history.events())).get("prod");
    if (state === undefined) throw new Error("unreachable: there are events");
    await promote(portsOf(record), orderOf(state));
  };
  await look();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await record([event("approved", 0, { cause: `comment:again-${round}`, by: { id: 8, login: "bob" } })]);
    const began = performance.now();
    await look();
    times.push(performance.now() - began);
  }
  return [row("promotion-decision-500-pipelines-p50", [median(times), "ms"], { target: 150 })];
}

function shaOf(letter: string): CommitSha {
  const sha = parseCommitSha(letter.repeat(40));
  if (sha === undefined) throw new Error(`${letter} is no hexadecimal digit`);
  return sha;
}

/** What one pipeline went through: a release, and the next run asked for. */
function storyOf(pipeline: number): readonly ReleaseEvent[] {
  return [
    event("released", pipeline, { run: runOf(pipeline, "before"), cause: "merge:1" }),
    event("requested", pipeline, { cause: "label:3" }),
  ];
}

function runOf(pipeline: number, which: string): RunId {
  return runIdOf("42", `p${pipeline}`, SHA, which);
}

function event(kind: ReleaseEvent["kind"], pipeline: number, more: Partial<ReleaseEvent>): ReleaseEvent {
  return {
    kind,
    environment: "prod",
    pipeline: `p${pipeline}`,
    run: runOf(pipeline, "next"),
    evidence: digestOf("evidence"),
    by: { id: 7, login: "ada" },
    cause: "",
    at: new Date(NOW).toISOString(),
    reason: null,
    pullRequest: 5,
    deployment: null,
    revokes: null,
    ...more,
  };
}

function releaseOf(run: RunId): Release {
  return {
    pipeline: "p0",
    run,
    source: SHA,
    manifest: digestOf(run),
    params: { learning_rate: 0.1 },
    data: [{ name: "train", digest: digestOf("train") }],
    environments: [],
    artifacts: [{ path: "model.pkl", digest: digestOf(run) }],
    metrics: { accuracy: 0.98, log_loss: 0.07 },
  };
}

function orderOf(state: EnvironmentState): PromoteOrder {
  const standing = standingOf(state, "p0");
  if (standing.request === null || standing.live === null) throw new Error("unreachable: both are there");
  return {
    environment: {
      name: "prod",
      after: null,
      soakMs: 0,
      approvals: { count: 2, teams: [], users: [], author: false, expiresMs: null },
      windows: [],
      freezes: [],
      deploy: null,
    },
    pipeline: "p0",
    branch: "main",
    request: standing.request,
    candidate: releaseOf(standing.request.run),
    live: releaseOf(standing.live.run),
    state,
    standing,
    upstream: undefined,
    gates: [{ source: "metrics.accuracy > 0.9", outcome: "passed", why: "" }],
    evidence: digestOf("evidence"),
    authors: [],
    now: NOW,
    unattended: false,
  };
}

/** The forge is left out: how long it takes to answer is its own. */
function portsOf(record: PromotePorts["record"]): PromotePorts {
  const bob = { id: 8, login: "bob" };
  const at = new Date(NOW).toISOString();
  const voter: Voter = {
    approval: { by: bob, at, evidence: digestOf("evidence"), cause: "label:9" },
    allowed: true,
    bot: false,
  };
  const never = (): never => {
    throw new Error("unreachable: one approval of two is missing");
  };
  return {
    forge: {
      pullRequest: async () => ({ kind: "ok", value: PAGE }),
      updatePullRequest: async () => ({ kind: "ok", value: PAGE }),
      dequeue: async () => ({ kind: "ok", value: false }),
      merge: never,
      enqueue: never,
      enqueuedBy: never,
    },
    open: async () => ({ kind: "ok", value: { pullRequest: PAGE, shownAt: 0, valid: true } }),
    voters: async () => ({ kind: "ok", value: [voter] }),
    evidenceBefore: never,
    authors: async () => ({ kind: "ok", value: [] }),
    stillFree: async () => true,
    record,
    now: () => NOW,
  };
}

const PAGE: PullRequest = {
  number: 5,
  title: "",
  body: "",
  state: "open",
  draft: false,
  merged: false,
  mergedAt: null,
  mergedBy: null,
  mergeCommit: null,
  author: { id: 1, login: "sluice", bot: true },
  labels: [],
  head: { sha: SHA, branch: "sluice/promote/prod/p0", repository: 42 },
  base: { sha: SHA, branch: "main" },
};
