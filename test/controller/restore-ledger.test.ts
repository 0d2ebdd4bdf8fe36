import { expect, test } from "vitest";

import { recordEvents } from "../../src/controller/record-events.ts";
import { recordRun } from "../../src/controller/record-run.ts";
import { restoreLedger } from "../../src/controller/restore-ledger.ts";
import { parseLedgerHeader } from "../../src/manifest/ledger-header.ts";
import { keyPath, LEDGER_HEADER, ledgerHeader, manifestPath } from "../../src/manifest/ledger-paths.ts";
import { runFiles, signedRun } from "../../src/manifest/signed-run.ts";
import { eventPath, eventSignaturePath, recordedEvent } from "../../src/release/release-event.ts";
import { ledgerIssue } from "../../src/report/ledger-issue.ts";
import { commitOf } from "../contract/git.ts";
import { event } from "../cli/released.ts";
import { digitsRun, runId } from "../manifest/run-records.ts";
import { LEDGER, recording as recordingOf, remotePlace, type Remote } from "./acceptances.ts";

type Controller = Awaited<ReturnType<Remote["controller"]>>;

function recording(run: string, keys: readonly Controller[]) {
  const pems = keys.map(({ signer }) => ({ keyId: signer.keyId, pem: signer.publicKey }));
  const id = runId(run);
  const header = keys.length === 0 ? {} : { [LEDGER_HEADER]: ledgerHeader("42", pems) };
  return commitOf(
    { [manifestPath(id)]: `${run}\n`, ...header },
    { message: `digits: succeeded\n\nSluice-Run: ${id}\n` },
  );
}

/** A ledger of two runs, the second of which brought another key, and that somebody replaced by a commit of their own. */
async function replaced() {
  const place = await remotePlace();
  const [us, before] = [await place.controller("ours"), await place.controller("theirs")];
  const { mirror } = us;
  const appended = await mirror.append(LEDGER, null, [recording("a", [before]), recording("b", [before, us])]);
  if (appended.kind !== "appended") throw new Error("it was not appended");
  await mirror.publish([{ ref: LEDGER, from: null, to: appended.head }]);
  const header = place.remote.git("rev-parse", `${appended.commits[0]}:${LEDGER_HEADER}`).trim();
  place.remote.git("read-tree", "--empty");
  place.remote.git("update-index", "--add", "--cacheinfo", `100644,${header},${LEDGER_HEADER}`);
  const tree = place.remote.git("write-tree").trim();
  place.remote.git("update-ref", LEDGER, place.remote.git("commit-tree", "-m", "by hand", tree).trim());
  await mirror.refresh([LEDGER]);
  return { us, before, was: appended.head };
}

test("a ledger that was replaced gets its runs back and every key that signed them", async () => {
  const { us, before, was } = await replaced();
  const restored = await restoreLedger(us);
  expect(restored).toMatchObject({ kind: "restored", was, runs: [runId("a"), runId("b")] });
  await us.mirror.refresh([LEDGER]);
  const head = await us.mirror.resolve(LEDGER);
  if (head === undefined) throw new Error("there is no ledger");
  // A commit of keys alone would be told of by sluice verify as none of ours.
  const subjects = (await us.mirror.log(head)).map(({ message }) => message.split("\n")[0]);
  expect(subjects).toEqual(["digits: succeeded", "digits: succeeded", "by hand"]);
  const read = parseLedgerHeader((await us.mirror.file(head, LEDGER_HEADER)) ?? new Uint8Array());
  if (read.kind !== "ok") throw new Error("its header cannot be read");
  expect([...read.value.keys.keys()]).toEqual([before.signer.keyId, us.signer.keyId]);
  for (const run of ["a", "b"]) expect(await us.mirror.file(head, manifestPath(runId(run)))).toBeDefined();
});

test("a ledger that has everything back already is whole: people are told once", async () => {
  const { us, was } = await replaced();
  expect(await restoreLedger(us)).toMatchObject({ kind: "restored" });
  const head = await us.mirror.grown();
  // Whoever put it back stopped before it could remember that.
  await us.mirror.settle(was);
  await us.mirror.refresh([LEDGER]);
  expect(await restoreLedger(us)).toEqual({ kind: "whole" });
  expect(await us.mirror.grown()).toBe(head);
});

function deed(kind: "held" | "unheld", environment: string, cause: string) {
  const trailers = `Sluice-Event: ${kind}\nSluice-Environment: ${environment}\nSluice-Cause: ${cause}`;
  const message = `${environment}: ${kind}\n\n${trailers}\n`;
  const path = recordedEvent(message);
  if (path === undefined) throw new Error("it is no event");
  return commitOf({ [path]: `${kind}\n` }, { message });
}

test("signed events that somebody put into another order are told of, though none is missing", async () => {
  const place = await remotePlace();
  const [us, them] = [await place.controller("ours"), await place.controller("theirs")];
  const events = [deed("held", "prod", "1"), deed("unheld", "prod", "2"), deed("held", "staging", "3")] as const;
  const appended = await us.mirror.append(LEDGER, null, events);
  const [held, unheld, other] = events;
  const copies = await them.mirror.append(LEDGER, null, [unheld, held, other]);
  if (appended.kind !== "appended" || copies.kind !== "appended") throw new Error("it was not appended");
  await us.mirror.publish([{ ref: LEDGER, from: null, to: appended.head }]);
  await us.mirror.refresh([LEDGER]);
  place.remote.git("fetch", "-q", them.mirror.directory, `+${LEDGER}:${LEDGER}`);
  await us.mirror.refresh([LEDGER]);
  const restored = await restoreLedger(us);
  expect(restored).toMatchObject({ kind: "restored", moved: copies.head, reordered: ["prod"] });
  if (restored.kind !== "restored") throw new Error("it was not noticed");
  const { body } = ledgerIssue(restored, (id) => id.slice(0, 4));
  expect(body).toContain("Events of `prod` stand in another order");
  expect(await restoreLedger(us)).toEqual({ kind: "whole" });
});

interface Forged {
  /** What the push by force has where the records stood. */
  readonly fake: (path: string) => string | undefined;
  /** Whether somebody pushed a manifest of their own before and after the run was recorded, too. */
  readonly around: boolean;
}

/** A run and an event that we recorded, and that somebody else pushed away by force. */
async function forced({ fake, around }: Forged) {
  const place = await remotePlace();
  const [us, them] = [await place.controller("ours"), await place.controller("theirs")];
  const run = digitsRun();
  const held = event("held", "comment:1");
  const own = commitOf({ [manifestPath(run.id)]: "{}" }, { message: `digits: failed\n\nSluice-Run: ${run.id}\n` });
  const push = async (): Promise<void> => {
    await us.mirror.refresh([LEDGER]);
    const from = (await us.mirror.resolve(LEDGER)) ?? null;
    const pushed = await us.mirror.append(LEDGER, from, [own]);
    if (pushed.kind !== "appended") throw new Error("it was not appended");
    await us.mirror.publish([{ ref: LEDGER, from, to: pushed.head }]);
    await us.mirror.refresh([LEDGER]);
  };
  const { ledger } = recordingOf(us);
  if (ledger === undefined) throw new Error("unreachable: it has a remote");
  if (around) await push();
  const ask = { record: run, before: undefined, known: () => false, tree: new Map<string, Uint8Array>() };
  await recordRun(recordingOf(us), ask);
  await recordEvents({ git: us.mirror, signer: us.signer, ledger }, run.repository, [held]);
  const keys = run.steps.flatMap(({ key }) => (key === null ? [] : [keyPath(key)]));
  const paths = [...runFiles(run.id), eventPath(held), eventSignaturePath(eventPath(held)), ...keys];
  /** What the ledger has where the records stand. */
  const now = async (): Promise<ReadonlyMap<string, Uint8Array>> => {
    await us.mirror.refresh([LEDGER]);
    const head = await us.mirror.resolve(LEDGER);
    return head === undefined ? new Map() : us.mirror.files(head, paths);
  };
  const recorded = await now();
  if (around) await push();
  const fakes = paths.flatMap((path) => {
    const text = fake(path);
    return text === undefined ? [] : [[path, text] as const];
  });
  const put = await them.mirror.append(LEDGER, null, [commitOf({ "by hand": "1", ...Object.fromEntries(fakes) })]);
  if (put.kind !== "appended") throw new Error("it was not appended");
  place.remote.git("fetch", "-q", them.mirror.directory, `+${LEDGER}:${LEDGER}`);
  await us.mirror.refresh([LEDGER]);
  return { us, run, recorded, now };
}

test.each<[string, Forged]>([
  [
    "a fake in the place of the manifest alone",
    { fake: (path) => (path.endsWith("manifest.json") ? "{}" : undefined), around: false },
  ],
  ["a fake in every place", { fake: () => "{}", around: false }],
  ["nothing of a record that had been pushed over", { fake: () => undefined, around: true }],
  ["a fake of a record that had been pushed over", { fake: () => "{}", around: true }],
])("a push by force that leaves %s takes no record away", async (_, forged) => {
  const { us, run, recorded, now } = await forced(forged);
  expect(recorded.size).toBe(4 + run.steps.length);
  expect((await restoreLedger(us)).kind).toBe("restored");
  expect(await now()).toEqual(recorded);
  expect(signedRun(await now(), run.id, us.keys)).toBe(true);
  expect(await restoreLedger(us)).toEqual({ kind: "whole" });
});
