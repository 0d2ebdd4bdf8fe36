import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { acceptRun } from "../../src/controller/accept-run.ts";
import { removeTree } from "../../src/executor/remove-tree.ts";
import { removeAbandoned } from "../../src/executor/work-place.ts";
import { digestOf, type RunId } from "../../src/identity/identity.ts";
import type { At } from "../../src/main/serve/at.ts";
import { collectStore } from "../../src/main/serve/collect.ts";
import { composeService } from "../../src/main/serve/compose-service.ts";
import type { ForgeRepository } from "../../src/main/serve/forge-repository.ts";
import { readOperator } from "../../src/main/serve/operator.ts";
import type { ServiceParts } from "../../src/main/serve/parts.ts";
import { commitMessage } from "../../src/manifest/commit-message.ts";
import { preAuthentication, renderEnvelope } from "../../src/manifest/dsse.ts";
import { manifestPath } from "../../src/manifest/ledger-paths.ts";
import { renderManifest } from "../../src/manifest/render-manifest.ts";
import {
  EVENT_TYPE,
  eventMessage,
  eventPath,
  eventSignaturePath,
  renderEvent,
  type ReleaseEvent,
} from "../../src/release/release-event.ts";
import { acceptedRef, type RunOrder } from "../../src/run/request.ts";
import type { RunRecord } from "../../src/run/run-record.ts";
import { fileSigner } from "../../src/signer/file-signer.ts";
import type { KeptForAll, Users } from "../../src/store/collector.ts";
import { fileCollector } from "../../src/store/file-collector.ts";
import { filesystemStore } from "../../src/store/filesystem-store.ts";
import { commitOf } from "../contract/git.ts";
import { LEDGER, ordered } from "../controller/acceptances.ts";
import { memoryTable } from "../controller/memory-table.ts";
import { sha, village } from "../forge/village.ts";
import { digitsRun, doneStep, runId } from "../manifest/run-records.ts";

const DAY = 86_400_000;
const PIPELINE = "version: 1\nname: digits\nsteps:\n  a: { run: echo 1 > a, outputs: [a] }\n";

/** A service of one repository with a pipeline, whose store knows since long who uses it; and what was collected. */
async function serving() {
  const { twin, forges, repository: there } = await village();
  await twin.forge.commit(there, {
    branch: "main",
    files: { "pipelines/digits.yaml": PIPELINE },
    message: "Make digits",
    login: "alice",
  });
  const directory = mkdtempSync(join(tmpdir(), "sluice-housekeeping-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
  const root = join(directory, "store");
  mkdirSync(root);
  const hands = {
    remove: async (path: string) => removeTree(path),
    removeAbandoned: (at: string) => removeAbandoned(at, Date.now()),
  };
  const collector = fileCollector(root, hands, 0);
  await collector.keepUsers({ since: Date.now() - 31 * DAY, seen: {} });
  const read = readOperator(null);
  if (read.kind !== "ok") throw new Error(read.why);
  const [kept, told]: [KeptForAll[], string[]] = [[], []];
  const lease = { fence: 1, lost: new AbortController().signal, release: async () => undefined };
  const queue = {
    table: memoryTable(),
    jobs: { add: async () => undefined },
    leases: { acquire: async () => lease },
  };
  const signals: (AbortSignal | undefined)[] = [];
  let [machines, asked] = [0, 0];
  let meanwhile: (() => Promise<void>) | undefined;
  return {
    twin,
    there,
    collector,
    /** Everything that was kept at the last time, and why nothing was removed since. */
    kept,
    told,
    signals,
    lost: lease.lost,
    /** Happens once everything was asked for what it needs. */
    afterwards: (what: () => Promise<void>): void => {
      meanwhile = what;
    },
    /** A service with the same store, and nothing else that is known to an earlier one. */
    machine: async (key = "ours") => {
      const signer = fileSigner(join(directory, key), undefined);
      const parts = {
        forges,
        clock: { now: () => Date.now() },
        store: filesystemStore(root),
        collector: {
          ...collector,
          keepUsers: async (users: Users) => {
            await collector.keepUsers(users);
            if (++asked > 1) await meanwhile?.();
          },
          collect: (all: KeptForAll, lost?: AbortSignal) => {
            kept.push(all);
            signals.push(lost);
            return collector.collect(all, lost);
          },
        },
        log: { info: () => undefined },
        onError: (error: unknown) => void told.push(String(error)),
        signer,
        data: join(directory, `machine-${++machines}`),
        program: execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim(),
        ledger: LEDGER,
        operator: read.operator,
        version: "test",
      };
      const service = composeService(parts as unknown as ServiceParts);
      const repository = await service.repository({
        installation: there.installation,
        id: there.id,
        fullName: "acme/digits",
      });
      const collect = () => {
        asked = 0;
        return collectStore({ service, queue } as unknown as At);
      };
      return { repository, signer, collect };
    },
  };
}

/** Appends commits to the ledger and publishes them. */
async function append(
  { mirror }: ForgeRepository,
  commits: readonly { readonly files: ReadonlyMap<string, Uint8Array>; readonly message: string }[],
): Promise<void> {
  await mirror.refresh([LEDGER]);
  const from = (await mirror.resolve(LEDGER)) ?? null;
  const appended = await mirror.append(
    LEDGER,
    from,
    commits.map((one) => commitOf({}, one)),
  );
  if (appended.kind !== "appended") throw new Error("it was not appended");
  await mirror.publish([{ ref: LEDGER, from, to: appended.head }]);
}

/** Recorded runs of one pipeline that wrote these words. */
async function recordRuns(
  repository: ForgeRepository,
  words: readonly string[],
  more: Partial<RunRecord> = {},
): Promise<readonly RunId[]> {
  const id = String(repository.forge.repository.id);
  const runs = words.map((word) =>
    digitsRun({
      repository: id,
      id: ordered({ repository: id, request: word }).id,
      request: word,
      steps: [doneStep("a", { inputs: [], outputs: { a: word } })],
      ...more,
    }),
  );
  await append(
    repository,
    runs.map((run) => {
      const manifest = renderManifest(run);
      const files = new Map([[manifestPath(run.id), manifest]]);
      return { files, message: commitMessage(run, digestOf(manifest), undefined) };
    }),
  );
  return runs.map((run) => run.id);
}

function heldAtLast(kept: readonly KeptForAll[], ...words: readonly string[]): readonly boolean[] {
  return words.map((word) => kept.at(-1)?.live.has(digestOf(word)) === true);
}

test("a ledger that was deleted is no ledger that needs nothing", async () => {
  const { there, kept, told, machine } = await serving();
  const us = await machine();
  await recordRuns(us.repository, ["one"]);
  expect(await us.collect()).toEqual({ kind: "done" });
  expect([kept.length, ...heldAtLast(kept, "one")]).toEqual([1, true]);
  const remove = () => execFileSync("git", ["-C", there.directory, "update-ref", "-d", LEDGER]);
  remove();
  // Whoever knows what it held gives it back first.
  expect(await us.collect()).toMatchObject({ kind: "again" });
  expect([kept.length, told.length]).toEqual([1, 1]);
  expect(await us.collect()).toEqual({ kind: "done" });
  expect([kept.length, ...heldAtLast(kept, "one")]).toEqual([2, true]);
  // Where nobody knows, the store does.
  remove();
  expect(await (await machine()).collect()).toMatchObject({ kind: "again" });
  expect([kept.length, told.at(-1)]).toEqual([
    2,
    expect.stringContaining("acme/digits: its ledger holds 0 runs, and held 1"),
  ]);
});

test("what a release is stays so when its key is replaced; what cannot be read may be one", async () => {
  const { kept, told, machine } = await serving();
  const us = await machine();
  const words = Array.from({ length: 12 }, (_, nth) => `word ${nth}`);
  const old = new Date(Date.now() - 400 * DAY).toISOString();
  const [first = runId("0")] = await recordRuns(us.repository, words, { startedAt: old, finishedAt: old });
  const event = released(first);
  const payload = renderEvent({ repository: String(us.repository.forge.repository.id), event });
  const signed = await us.signer.sign(preAuthentication(EVENT_TYPE, payload));
  const envelope = renderEnvelope(payload, { keyId: us.signer.keyId, bytes: signed });
  const path = eventPath(event);
  const files = new Map([
    [path, payload],
    [eventSignaturePath(path), envelope],
  ]);
  await append(us.repository, [{ files, message: eventMessage(event) }]);
  const others = await machine("another key");
  expect(await others.collect()).toEqual({ kind: "done" });
  expect(heldAtLast(kept, "word 0", "word 1", "word 2")).toEqual([true, false, true]);
  const later = { ...event, cause: "run:2" };
  const newer = new Map([[eventPath(later), new TextEncoder().encode('{ "event": 3 }')]]);
  await append(us.repository, [{ files: newer, message: eventMessage(later) }]);
  expect(await others.collect()).toMatchObject({ kind: "again" });
  expect(told).toEqual([
    expect.stringContaining("acme/digits: its ledger holds an event that this version cannot read"),
  ]);
});

test("settings with mistakes keep no less than those before", async () => {
  const { twin, there, kept, told, machine } = await serving();
  const us = await machine();
  const write = (text: string) =>
    twin.forge.commit(there, { branch: "main", files: { "sluice.yaml": text }, message: "Settings", login: "alice" });
  await write("version: 1\nretention: { artifacts: many }\n");
  const old = new Date(Date.now() - 4_000 * DAY).toISOString();
  await recordRuns(
    us.repository,
    Array.from({ length: 12 }, (_, nth) => `word ${nth}`),
    { startedAt: old, finishedAt: old },
  );
  expect(await us.collect()).toEqual({ kind: "done" });
  expect([kept.at(-1)?.personsSince, ...heldAtLast(kept, "word 0")]).toEqual([0, true]);
  await write("version: 1\nretention: { artifacts: 400d }\n");
  expect(await us.collect()).toEqual({ kind: "done" });
  expect(kept.at(-1)?.personsSince).toBeLessThan(Date.now() - 399 * DAY);
  expect([told, ...heldAtLast(kept, "word 0")]).toEqual([[], false]);
});

test("what an accepted run may go on from stays for as long as it lasts, also of one that comes meanwhile", async () => {
  const { there, kept, told, machine, afterwards, signals, lost } = await serving();
  const us = await machine();
  const { mirror } = us.repository;
  await us.repository.rules();
  const source = sha(execFileSync("git", ["-C", there.directory, "rev-parse", "main"], { encoding: "utf8" }).trim());
  const [repository, began] = [String(there.id), Date.now() - 20 * DAY];
  const accept = async (request: string, more: Partial<RunOrder> = {}): Promise<RunId> => {
    const acceptedAt = new Date(began).toISOString();
    const order = { ...ordered({ repository, source, request, acceptedAt }), ...more };
    const keys = new Map([[us.signer.keyId, us.signer.publicKey]]);
    await acceptRun({ mirror, signer: us.signer, ledger: LEDGER, keys }, order);
    return order.id;
  };
  const first = await accept("comment:1");
  let many = 0;
  afterwards(async () => void (await recordRuns(us.repository, [`word ${++many}`])));
  expect(await us.collect()).toMatchObject({ kind: "again" });
  expect([kept, told.splice(0)]).toEqual([[], [expect.stringContaining("acme/digits went on whenever it was asked")]]);
  let second: RunId | undefined;
  afterwards(async () => {
    second ??= await accept("comment:2");
  });
  // Whoever takes an acceptance away does not end the run.
  execFileSync("git", ["-C", there.directory, "update-ref", "-d", acceptedRef(first)]);
  expect(await us.collect()).toEqual({ kind: "done" });
  expect([kept[0]?.runs.size, kept[0]?.runs.has(first)]).toEqual([2, true]);
  expect(kept[0]?.olderThan).toBeLessThanOrEqual(began);
  expect(signals).toEqual([lost]);
  await accept("comment:3", { pipeline: "gone" });
  expect(await us.collect()).toMatchObject({ kind: "again" });
  expect([kept.length, told]).toEqual([1, [expect.stringMatching(/acme\/digits: its run \w+ cannot be planned/)]]);
});

test("a push by hand takes nothing from what a run or a release holds, whoever looks", async () => {
  const { there, kept, told, machine } = await serving();
  const us = await machine();
  const { id } = us.repository.forge.repository;
  const words = Array.from({ length: 12 }, (_, nth) => `word ${nth}`);
  const old = new Date(Date.now() - 400 * DAY).toISOString();
  const [first = runId("0")] = await recordRuns(us.repository, words, { startedAt: old, finishedAt: old });
  const news = Array.from({ length: 12 }, (_, nth) => `new ${nth}`);
  const [run = runId("0")] = await recordRuns(us.repository, news, { finishedAt: new Date().toISOString() });
  const event = released(first);
  const write = (path: string, bytes: Uint8Array) =>
    append(us.repository, [{ files: new Map([[path, bytes]]), message: "By hand" }]);
  const files = new Map([[eventPath(event), renderEvent({ repository: String(id), event })]]);
  await append(us.repository, [{ files, message: eventMessage(event) }]);

  const steps = [doneStep("a", { inputs: [], outputs: { a: "another" } })];
  const other = digitsRun({
    repository: String(id),
    id: run,
    request: "new 0",
    steps,
    startedAt: old,
    finishedAt: old,
  });
  await write(manifestPath(run), renderManifest(other));
  await write(eventPath(event), renderEvent({ repository: String(id), event: { ...event, run } }));
  for (const one of [us, await machine()]) {
    expect(await one.collect()).toEqual({ kind: "done" });
    expect(heldAtLast(kept, "word 0", "word 1", "new 0")).toEqual([true, false, true]);
  }
  for (const path of [eventPath(event), manifestPath(run)]) removeFromLedger(there.directory, path);
  expect(await (await machine()).collect()).toEqual({ kind: "done" });
  expect(heldAtLast(kept, "word 0", "word 1", "new 0")).toEqual([true, false, true]);
  expect(told).toEqual([]);
});

test("a commit that names a run and brings none, and a repository without a branch, hold up nobody", async () => {
  const { twin, kept, told, machine } = await serving();
  const us = await machine();
  await recordRuns(us.repository, ["one"]);
  const files = new Map([["note.txt", new TextEncoder().encode("A note\n")]]);
  for (const more of ["", `Sluice-Manifest: ${digestOf("none")}\n`])
    await append(us.repository, [{ files, message: `A note\n\nSluice-Run: ${runId("0")}\n${more}` }]);
  const empty = await twin.forge.repository({ owner: "acme", name: "empty", files: {}, roles: { alice: "write" } });
  execFileSync("git", ["-C", empty.directory, "update-ref", "-d", "refs/heads/main"]);
  expect(await us.collect()).toEqual({ kind: "done" });
  expect([told, ...heldAtLast(kept, "one")]).toEqual([[], true]);
});

/** Pushes the ledger without a file, as whoever may push can. */
function removeFromLedger(bare: string, path: string): void {
  const person = { NAME: "x", EMAIL: "x@example.com" };
  const env = {
    ...process.env,
    GIT_DIR: bare,
    GIT_WORK_TREE: bare,
    GIT_INDEX_FILE: join(bare, "index-of-a-person"),
    ...Object.fromEntries(
      ["AUTHOR", "COMMITTER"].flatMap((who) =>
        Object.entries(person).map(([what, value]) => [`GIT_${who}_${what}`, value]),
      ),
    ),
  };
  const git = (...words: string[]) => execFileSync("git", words, { encoding: "utf8", env }).trim();
  git("read-tree", LEDGER);
  git("update-index", "--force-remove", path);
  git("update-ref", LEDGER, git("commit-tree", git("write-tree"), "-p", LEDGER, "-m", "Tidy up"));
}

function released(run: RunId): ReleaseEvent {
  return {
    kind: "released",
    environment: "prod",
    pipeline: "digits",
    run,
    evidence: null,
    by: { id: 1, login: "ada" },
    cause: "run:1",
    at: "2026-01-01T00:00:00Z",
    reason: null,
    pullRequest: null,
    deployment: null,
    revokes: null,
  };
}
