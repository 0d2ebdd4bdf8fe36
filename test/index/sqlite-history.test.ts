import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";

import { digestOf, parseRunId, runIdOf, type CommitSha, type RunId } from "../../src/identity/identity.ts";
import { keyOf } from "../../src/key/key-document.ts";
import type { History } from "../../src/index/history.ts";
import type { LedgerReader } from "../../src/index/ledger-reader.ts";
import { sqliteHistory } from "../../src/index/sqlite-history.ts";
import { commitMessage } from "../../src/manifest/commit-message.ts";
import { keyPath, manifestPath } from "../../src/manifest/ledger-paths.ts";
import { renderManifest } from "../../src/manifest/render-manifest.ts";
import type { RunRecord, RunStatus } from "../../src/run/run-record.ts";
import { attempt, document, done, finished } from "../report/digits.ts";
import { commitOf, LEDGER, opened } from "../contract/git.ts";
import { repository } from "../sluice.ts";
import { MemoryLedger } from "./memory-ledger.ts";

interface Draw {
  readonly pipeline: string;
  readonly status: RunStatus;
  readonly minute: number;
  readonly steps: readonly { readonly ms: number; readonly failed: boolean; readonly bytes: number }[];
}

const STEPS = ["prepare", "train", "evaluate"];

const draws = fc.array(
  fc.record<Draw>({
    pipeline: fc.constantFrom("digits", "churn", "deploy"),
    status: fc.constantFrom("succeeded", "failed", "cancelled"),
    minute: fc.nat(100),
    steps: fc.array(fc.record({ ms: fc.nat(10_000), failed: fc.boolean(), bytes: fc.nat(5) }), { maxLength: 3 }),
  }),
  { maxLength: 12 },
);

function recordOf(draw: Draw, nth: number): RunRecord {
  const minute = (more: number): string => new Date(Date.UTC(2026, 0, 1, 0, draw.minute + more)).toISOString();
  return {
    ...finished,
    id: runIdOf("local:1", draw.pipeline, finished.source, `local:${nth}`),
    pipeline: { id: draw.pipeline, name: draw.pipeline, path: `pipelines/${draw.pipeline}.yaml` },
    status: draw.status,
    metricSpecs: [],
    startedAt: minute(0),
    finishedAt: minute(1),
    steps: draw.steps.map(({ ms, failed, bytes }, at) => {
      const name = STEPS[at] ?? "";
      const own = document({ salt: String(bytes) });
      const facts = {
        outputs: [{ path: name, kind: "file" as const, digest: digestOf(`${name} ${bytes}`), size: 1, files: 1 }],
        metrics: { m: bytes },
      };
      const tried = {
        ...attempt(ms, null, digestOf(`log ${nth} ${at}`)),
        failure: failed ? { kind: "exit" as const, code: 1 } : null,
      };
      return {
        name,
        id: name,
        key: keyOf(own),
        document: own,
        terminal: false,
        attempts: [tried],
        nonDeterministic: [],
        outcome: failed ? { kind: "failed", failure: { kind: "exit", code: 1 } } : done(name, { facts }),
      };
    }),
  };
}

/** Everything a history answers. */
async function answers(history: History): Promise<unknown> {
  await history.sync();
  const all = history.runs({});
  return {
    all,
    digits: history.runs({ pipeline: "digits", limit: 2 }),
    failed: history.runs({ status: "failed" }),
    window: history.runs({ since: "2026-01-01T00:20:00.000Z", until: "2026-01-01T01:00:00.000Z" }),
    ids: history.byPrefix(""),
    past: await Promise.all([["digits"], ["churn", "deploy"], ["none"]].map((ids) => history.past(ids))),
    times: ["digits", "churn"].flatMap((pipeline) => STEPS.map((step) => history.durations(pipeline, step))),
    held: await heldBy(history, Date.UTC(2026, 0, 1, 1)),
    records: await Promise.all(all.map((run) => history.record(run.id))),
  };
}

async function heldBy(history: History, since: number, also: readonly RunId[] = []): Promise<unknown> {
  const held = await history.held(since, also);
  return held.kind === "held" ? [...held.digests].sort() : held;
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "sluice-index-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

let files = 0;

test("an index built bit by bit, interrupted or by two at once answers as one built anew", async () => {
  const place = directory();
  const open = (ledger: LedgerReader): History => sqliteHistory(join(place, `${files++}.sqlite`), ledger);
  await fc.assert(
    fc.asyncProperty(draws, fc.nat(3), fc.boolean(), async (runs, crash, twice) => {
      const ledger = new MemoryLedger();
      const path = join(place, `${files++}.sqlite`);
      await using history = sqliteHistory(path, ledger);
      await using other = sqliteHistory(path, ledger);
      for (const [nth, draw] of runs.entries()) {
        ledger.push(recordOf(draw, nth));
        if (nth % 3 === 0)
          ledger.say(`prod/digits: approved by ada\n\nSluice-Event: approved\nSluice-Run: ${recordOf(draw, 0).id}\n`);
        if (nth % 2 !== 0) continue;
        ledger.budget = crash;
        const done = await Promise.allSettled([history.sync(), ...(twice ? [other.sync()] : [])]);
        expect(done.every((one) => one.status === "fulfilled" || String(one.reason).includes("interrupted"))).toBe(
          true,
        );
        ledger.budget = Number.POSITIVE_INFINITY;
      }
      await using anew = open(ledger);
      expect(await answers(history)).toEqual(await answers(anew));
      expect(await answers(other)).toEqual(await answers(anew));
      expect(history.runs({}).map((run) => run.id)).toEqual(runs.map((draw, nth) => recordOf(draw, nth).id).reverse());
    }),
    { numRuns: 40 },
  );
});

test("causes are told against runs of branches, whatever a pull request tried since", async () => {
  const ledger = new MemoryLedger();
  const draw = (nth: number): RunRecord =>
    recordOf(
      { pipeline: "digits", status: "succeeded", minute: nth, steps: [{ ms: nth, failed: false, bytes: nth }] },
      nth,
    );
  ledger.push(draw(1));
  ledger.push({ ...draw(2), pullRequest: 12 });
  await using history = sqliteHistory(join(directory(), "h.sqlite"), ledger);
  await history.sync();
  const told = async (): Promise<unknown> => (await history.past(["digits"])).map((step) => step.document.salt);
  expect(await told()).toEqual(["1"]);
  const before = ledger.commits.at(-1)?.sha ?? null;
  const tried = { ...draw(3), pullRequest: 13 };
  ledger.push(tried);
  const commit = ledger.commits.at(-1)?.sha;
  if (commit === undefined) throw new Error("unreachable: it was pushed");
  history.recorded(tried, { commit, before });
  expect(history.runs({})[0]?.pullRequest).toBe(13);
  expect(await told()).toEqual(["1"]);
});

test("a slow reader does not put an index back that another brought further", async () => {
  const ledger = new MemoryLedger();
  const draw: Draw = { pipeline: "digits", status: "succeeded", minute: 1, steps: [] };
  ledger.push(recordOf(draw, 0));
  const path = join(directory(), "h.sqlite");
  await using quick = sqliteHistory(path, ledger);
  let overtaken = false;
  await using slow = sqliteHistory(path, {
    ...ledger,
    async files(commit, paths) {
      if (!overtaken) {
        overtaken = true;
        ledger.push(recordOf(draw, 1));
        await quick.sync();
      }
      return ledger.files(commit, paths);
    },
  });
  await slow.sync();
  expect(slow.runs({}).map((run) => run.id)).toEqual([1, 0].map((nth) => recordOf(draw, nth).id));
});

test("a ledger that was rewritten or lost is not remembered", async () => {
  const ledger = new MemoryLedger();
  const draw: Draw = {
    pipeline: "digits",
    status: "succeeded",
    minute: 1,
    steps: [{ ms: 5, failed: false, bytes: 1 }],
  };
  [0, 1, 2].forEach((nth) => ledger.push(recordOf(draw, nth)));
  await using history = sqliteHistory(join(directory(), "h.sqlite"), ledger);
  await history.sync();
  expect(history.durations("digits", "prepare")).toHaveLength(3);
  const whole = ledger.commits;
  expect(history.left()).toBeUndefined();
  ledger.commits = whole.slice(0, 2);
  await history.sync();
  expect(history.left()).toBe(whole[2]?.sha);
  ledger.commits = whole;
  await history.sync();
  expect(history.left()).toBeUndefined();
  ledger.commits = [];
  ledger.salt = "another history";
  ledger.push(recordOf(draw, 7));
  await history.sync();
  expect(history.runs({}).map((run) => run.id)).toEqual([recordOf(draw, 7).id]);
  expect(history.durations("digits", "prepare")).toEqual([5]);
  ledger.commits = [];
  await history.sync();
  expect(history.runs({})).toEqual([]);
  expect(await history.past(["digits"])).toEqual([]);
  expect(history.left()).toBe(whole[2]?.sha);
});

test.each([
  ["no database", "x".repeat(5_000)],
  ["an empty file", ""],
])("%s in the index's place is replaced", async (_name, text) => {
  const path = join(directory(), "h.sqlite");
  writeFileSync(path, text);
  const ledger = new MemoryLedger();
  ledger.push(recordOf({ pipeline: "digits", status: "failed", minute: 1, steps: [] }, 1));
  await using history = sqliteHistory(path, ledger);
  await history.sync();
  expect(history.runs({})).toHaveLength(1);
});

test("an index of another version is built anew", async () => {
  const { DatabaseSync } = await import("node:sqlite");
  const path = join(directory(), "h.sqlite");
  const old = new DatabaseSync(path);
  old.exec("create table runs (id text); insert into runs values ('x'); pragma user_version = 99");
  old.close();
  const ledger = new MemoryLedger();
  ledger.push(recordOf({ pipeline: "digits", status: "failed", minute: 1, steps: [] }, 1));
  await using history = sqliteHistory(path, ledger);
  await history.sync();
  expect(history.runs({ pipeline: "digits" })).toHaveLength(1);
});

test("an unreadable manifest hides its own run only, and says why when asked for", async () => {
  const ledger = new MemoryLedger();
  const draw: Draw = { pipeline: "digits", status: "succeeded", minute: 1, steps: [] };
  [0, 1].forEach((nth) => ledger.push(recordOf(draw, nth)));
  const broken: RunId = recordOf(draw, 0).id;
  ledger.bytes.set(manifestPath(broken), new TextEncoder().encode("{"));
  ledger.say("By hand");
  await using history = sqliteHistory(join(directory(), "h.sqlite"), ledger);
  await history.sync();
  expect(history.runs({}).map((run) => run.id)).toEqual([recordOf(draw, 1).id]);
  await expect(history.record(broken)).rejects.toThrow("not JSON");
  expect(await history.readable(broken)).toBeUndefined();
  const whole = recordOf(draw, 1).id;
  expect(await history.readable(whole)).toEqual(await history.record(whole));
  expect(await history.record(parseRunId("z".repeat(26)) ?? broken)).toBeUndefined();
});

test("a key document that is broken is missing from its step, and hides nothing else", async () => {
  const ledger = new MemoryLedger();
  const step = (bytes: number): Draw["steps"][number] => ({ ms: 1, failed: false, bytes });
  const record = recordOf(
    { pipeline: "digits", status: "succeeded", minute: 1, steps: [step(1), step(2), step(3)] },
    0,
  );
  ledger.push(record);
  const [first, second] = record.steps.flatMap(({ key }) => key ?? []);
  if (first === undefined || second === undefined) throw new Error("no keys");
  ledger.bytes.set(keyPath(first), new TextEncoder().encode("garbage"));
  ledger.bytes.set(keyPath(second), new TextEncoder().encode("{}"));
  ledger.say("By hand");
  await using history = sqliteHistory(join(directory(), "h.sqlite"), ledger);
  await history.sync();
  expect(history.runs({}).map((run) => run.id)).toEqual([record.id]);
  expect((await history.past(["digits"])).map(({ name }) => name)).toEqual(["evaluate"]);
  const documents = (await history.record(record.id))?.steps.map((one) => one.document);
  expect(documents).toEqual([null, null, record.steps[2]?.document]);
});

test("what runs hold is not known while one of them cannot be read, and known again by whoever can read it", async () => {
  const ledger = new MemoryLedger();
  const draw: Draw = {
    pipeline: "digits",
    status: "succeeded",
    minute: 1,
    steps: [{ ms: 1, failed: false, bytes: 1 }],
  };
  const newer = new TextEncoder().encode('{ "of": "a newer version" }');
  const { id } = recordOf(draw, 0);
  ledger.bytes.set(manifestPath(id), newer);
  ledger.say(commitMessage(recordOf(draw, 0), digestOf(newer), undefined));
  ledger.push(recordOf(draw, 1));
  await using history = sqliteHistory(join(directory(), "h.sqlite"), ledger);
  await history.sync();
  const since = Date.UTC(2026, 0);
  expect(await heldBy(history, since)).toEqual({ kind: "unreadable", run: id });
  // What was pushed over it, or took it away, does not make it one that holds nothing.
  ledger.bytes.set(manifestPath(id), renderManifest(recordOf(draw, 0)));
  ledger.say("By hand");
  expect(await heldBy(history, since)).toEqual({ kind: "unreadable", run: id });
  ledger.bytes.delete(manifestPath(id));
  ledger.say("By hand again");
  expect(await heldBy(history, since)).toEqual({ kind: "unreadable", run: id });
  // The index left out what came by a merge of histories: it is read all the same.
  ledger.bytes.set(manifestPath(id), renderManifest(recordOf(draw, 0)));
  ledger.commits.splice(0, 1);
  ledger.say(commitMessage(recordOf(draw, 0), digestOf(renderManifest(recordOf(draw, 0))), undefined));
  expect(await heldBy(history, since)).toContain(digestOf("log 0 0"));
  const unknown = recordOf(draw, 9).id;
  expect(await heldBy(history, since, [unknown])).toEqual({ kind: "unreadable", run: unknown });
});

test.each(["native", "isomorphic"] as const)(
  "reads the ledger of a real repository through %s git",
  async (adapter) => {
    const git = await opened(repository().root, adapter);
    const memory = new MemoryLedger();
    let head: CommitSha | null = null;
    await using history = sqliteHistory(join(directory(), "h.sqlite"), {
      head: () => git.resolve(LEDGER),
      log: (until) => git.log(LEDGER, until),
      files: (commit, paths) => git.files(commit, paths),
    });
    await history.sync();
    expect(history.runs({})).toEqual([]);
    for (let nth = 0; nth < 3; nth++) {
      const record = recordOf(
        { pipeline: "digits", status: "succeeded", minute: nth, steps: [{ ms: nth, failed: false, bytes: nth }] },
        nth,
      );
      memory.bytes.clear();
      memory.push(record);
      const commit = commitOf({}, { files: memory.bytes, message: memory.commits.at(-1)?.message ?? "" });
      const appended = await git.append(LEDGER, head, [commit]);
      head = appended.head;
      await history.sync();
      expect(history.runs({})[0]).toMatchObject({ id: record.id, commit: head });
      expect(await history.record(record.id)).toEqual(record);
      expect((await history.past(["digits"])).map((step) => step.document.salt)).toEqual([String(nth)]);
    }
    expect(history.durations("digits", "prepare")).toEqual([2, 1, 0]);
  },
);
