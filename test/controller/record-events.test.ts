import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { systemClock } from "../../src/clock/system-clock.ts";
import { recordEvents } from "../../src/controller/record-events.ts";
import type { RemoteLedger } from "../../src/git/mirror.ts";
import { sqliteHistory } from "../../src/index/sqlite-history.ts";
import { bundlePath } from "../../src/manifest/bundle.ts";
import { preAuthentication, renderEnvelope } from "../../src/manifest/dsse.ts";
import { parseLedgerHeader } from "../../src/manifest/ledger-header.ts";
import { LEDGER_HEADER } from "../../src/manifest/ledger-paths.ts";
import { foldEvents, standingOf } from "../../src/release/environment-state.ts";
import { eventMemory } from "../../src/release/event-memory.ts";
import {
  EVENT_TYPE,
  eventMessage,
  eventPath,
  eventSignaturePath,
  parseEvent,
  renderEvent,
  type ReleaseEvent,
} from "../../src/release/release-event.ts";
import { verifyEvent } from "../../src/release/verify-event.ts";
import { fileSigner } from "../../src/signer/file-signer.ts";
import { keylessSigner } from "../../src/signer/keyless-signer.ts";
import type { Signer } from "../../src/signer/signer.ts";
import { commitOf, opened } from "../contract/git.ts";
import { runId, sha } from "../manifest/run-records.ts";
import { sigstoreHere } from "../signer/sigstore-here.ts";
import { repository } from "../sluice.ts";
import { remotePlace } from "./acceptances.ts";

const LEDGER = "refs/heads/sluice/ledger";

function event(kind: ReleaseEvent["kind"], cause: string, more: Partial<ReleaseEvent> = {}): ReleaseEvent {
  return {
    kind,
    environment: "prod",
    pipeline: "digits",
    run: runId("a"),
    evidence: null,
    by: { id: 7, login: "ada" },
    cause,
    at: "2026-01-01T00:00:00Z",
    reason: null,
    pullRequest: null,
    deployment: null,
    revokes: null,
    ...more,
  };
}

async function ledger(between: (attempt: number) => Promise<void> = async () => undefined) {
  const bench = repository({ "a.txt": "a" });
  bench.commit();
  const git = await opened(bench.root, "native");
  let attempt = 0;
  const remote: RemoteLedger = {
    ref: LEDGER,
    refresh: async () => undefined,
    async publish() {
      attempt++;
      await between(attempt);
      return { kind: "published" };
    },
  };
  const signer = fileSigner(join(bench.root, "keys"), undefined);
  const history = sqliteHistory(join(bench.root, "history.sqlite"), {
    head: () => git.resolve(LEDGER),
    log: (until) => git.log(LEDGER, until),
    files: (commit, paths) => git.files(commit, paths),
  });
  return { bench, git, signer, history, ports: { git, signer, ledger: remote } };
}

test("events are recorded once each by their cause, and read back in their order", async () => {
  const { bench, history, ports, signer } = await ledger();
  const asked = event("requested", "label:1", { pullRequest: 12 });
  const released = event("released", "pull-request:12");
  expect(await recordEvents(ports, "42", [asked, asked, released])).toEqual({ kind: "recorded", added: 2 });
  expect(await recordEvents(ports, "42", [released, event("held", "comment:3", { reason: "wait" })])).toEqual({
    kind: "recorded",
    added: 1,
  });
  bench.git("fsck", "--strict");
  expect(bench.git("log", "--reverse", "--format=%s", LEDGER).trimEnd().split("\n")).toEqual([
    "prod/digits: requested by ada",
    "prod/digits: released by ada",
    "prod/digits: held by ada · wait",
  ]);
  await history.sync();
  const keys = new Map([[signer.keyId, signer.publicKey]]);
  const events = history.events().map((entry) => verifyEvent(entry, keys, "42"));
  expect(events.map((one) => (one.kind === "valid" ? one.event.kind : one.why))).toEqual([
    "requested",
    "released",
    "held",
  ]);
  const standing = standingOf(
    foldEvents(events.flatMap((one) => (one.kind === "valid" ? [one.event] : []))).get("prod"),
    "digits",
  );
  expect([standing.live?.run, standing.hold?.reason, standing.request]).toEqual([runId("a"), "wait", null]);
});

test("an event that another key of ours signed keeps its signature, and the ledger gets to know the key", async () => {
  const { bench, history, ports, git, signer } = await ledger();
  const operator = fileSigner(join(bench.root, "operator"), undefined);
  const away = event("rolled-back", "offline:1");
  const payload = renderEvent({ repository: "42", event: away });
  const bytes = await operator.sign(preAuthentication(EVENT_TYPE, payload));
  const envelope = renderEnvelope(payload, { keyId: operator.keyId, bytes }, EVENT_TYPE);
  const key = { keyId: operator.keyId, pem: operator.publicKey };
  const keys = new Map([
    [signer.keyId, signer.publicKey],
    [key.keyId, key.pem],
  ]);
  const signed = new Map([[eventPath(away), { payload, envelope, key }]]);
  const twice = async () => recordEvents({ ...ports, keys, signed }, "42", [away, event("held", "comment:1")]);
  expect([await twice(), await twice()]).toEqual([
    { kind: "recorded", added: 2 },
    { kind: "recorded", added: 0 },
  ]);
  await history.sync();
  const verified = history.events().map((entry) => verifyEvent(entry, keys, "42"));
  expect(verified.map((one) => one.kind === "valid" && one.keyId)).toEqual([operator.keyId, signer.keyId]);
  const head = (await git.resolve(LEDGER)) ?? sha("0");
  const header = parseLedgerHeader((await git.file(head, LEDGER_HEADER)) ?? new Uint8Array());
  expect(header.kind === "ok" && [...header.value.keys.keys()]).toEqual([signer.keyId, operator.keyId]);
});

test("an event that somebody else signed, moved or changed counts for nothing", async () => {
  const { bench, history, ports, git, signer } = await ledger();
  await recordEvents(ports, "42", [event("held", "comment:1", { reason: "wait" })]);
  const stranger = { ...ports, signer: fileSigner(join(bench.root, "other"), undefined) };
  await recordEvents(stranger, "42", [event("unheld", "comment:2")]);
  const forged = event("unheld", "comment:3");
  const head = await git.resolve(LEDGER);
  await git.append(LEDGER, head ?? null, [
    commitOf(
      { [eventPath(forged)]: JSON.stringify({ event: 2, repository: "42", ...forged }) },
      {
        message:
          "x\n\nSluice-Event: unheld\nSluice-Environment: prod\nSluice-Pipeline: digits\nSluice-Cause: comment:3\n",
      },
    ),
  ]);
  await history.sync();
  const keys = new Map([[signer.keyId, signer.publicKey]]);
  expect(
    history
      .events()
      .map((entry) => verifyEvent(entry, keys, "42"))
      .map((one) => (one.kind === "valid" ? "valid" : one.why)),
  ).toEqual(["valid", expect.stringContaining("a key that is not ours"), "it is not signed"]);
});

test("an event that was signed for another repository does not count here, though the key is the same", async () => {
  const { history, ports, git, signer } = await ledger();
  await recordEvents(ports, "41", [event("unheld", "comment:2")]);
  await recordEvents(ports, "42", [event("held", "comment:1", { reason: "wait" })]);
  await history.sync();
  const keys = new Map([[signer.keyId, signer.publicKey]]);
  const told = (): readonly string[] =>
    history
      .events()
      .map((entry) => verifyEvent(entry, keys, "42"))
      .map((one) => (one.kind === "valid" ? one.event.kind : one.why));
  expect(told()).toEqual(["it is of another repository (41)", "held"]);

  // What was written before events named their repository goes on counting.
  const old = event("unheld", "comment:3");
  const payload = new TextEncoder().encode(JSON.stringify({ event: 1, ...old }));
  const bytes = await signer.sign(preAuthentication(EVENT_TYPE, payload));
  const envelope = renderEnvelope(payload, { keyId: signer.keyId, bytes }, EVENT_TYPE);
  const path = eventPath(old);
  const files = new Map([
    [path, payload],
    [eventSignaturePath(path), envelope],
  ]);
  const head = (await git.resolve(LEDGER)) ?? null;
  const author = { name: "sluice", email: "sluice@localhost" };
  await git.append(LEDGER, head, [{ files, message: eventMessage(old), author, time: 0 }]);
  await history.sync();
  expect(told().at(-1)).toBe("unheld");
  const header = parseLedgerHeader(
    (await git.file((await git.resolve(LEDGER)) ?? sha("0"), LEDGER_HEADER)) ?? new Uint8Array(),
  );
  expect(header.kind === "ok" && header.value.repository).toBe("42");
});

test("what was imported or forged at an event's place gives way to it, and is not read in its stead", async () => {
  const { bench, history, ports, git, signer } = await ledger();
  const held = event("held", "comment:1", { reason: "wait" });
  const unheld = event("unheld", "comment:2");
  await recordEvents(ports, "41", [{ ...held, reason: "of another repository" }]);
  const head = (await git.resolve(LEDGER)) ?? null;
  await git.append(LEDGER, head, [commitOf({ [eventPath(unheld)]: "forged" }, { message: eventMessage(unheld) })]);
  // An index that had read them reads what took their place too, and so does whoever remembers what was looked at.
  await history.sync();
  const keys = new Map([[signer.keyId, signer.publicKey]]);
  const counted = eventMemory(keys, "42");
  expect(counted(history.events())).toEqual([]);
  expect(await recordEvents(ports, "42", [unheld, held])).toEqual({ kind: "recorded", added: 2 });
  expect(await recordEvents(ports, "42", [held, unheld])).toEqual({ kind: "recorded", added: 0 });
  const fresh = sqliteHistory(join(bench.root, "fresh.sqlite"), {
    head: () => git.resolve(LEDGER),
    log: (until) => git.log(LEDGER, until),
    files: (commit, paths) => git.files(commit, paths),
  });
  for (const index of [history, fresh]) {
    await index.sync();
    expect(counted(index.events()).map(({ kind }) => kind)).toEqual(["unheld", "held"]);
    const read = index.events().map((entry) => verifyEvent(entry, keys, "42"));
    expect(read.map((one) => (one.kind === "valid" ? `${one.event.kind} ${one.event.reason ?? ""}` : one.why))).toEqual(
      ["unheld ", "held wait"],
    );
  }
});

test("events that were read before are not read again, and a ledger that was rewritten is", async () => {
  const { bench, history, ports } = await ledger();
  const causes = async (): Promise<readonly string[]> => {
    await history.sync();
    return history.events().map(({ payload }) => parseEvent(payload)?.event.cause ?? "");
  };
  await recordEvents(ports, "42", [event("held", "comment:1"), event("unheld", "comment:2")]);
  expect(await causes()).toEqual(["comment:1", "comment:2"]);
  expect(history.events()).toBe(history.events());
  const before = history.events();
  await recordEvents(ports, "42", [event("held", "comment:3")]);
  expect(await causes()).toEqual(["comment:1", "comment:2", "comment:3"]);
  expect(
    history
      .events()
      .slice(0, 2)
      .every((one, at) => one === before[at]),
  ).toBe(true);
  bench.git("update-ref", LEDGER, `${LEDGER}~2`);
  await recordEvents(ports, "42", [event("held", "comment:4"), event("unheld", "comment:5")]);
  expect(await causes()).toEqual(["comment:1", "comment:4", "comment:5"]);
  bench.git("update-ref", "-d", LEDGER);
  expect(await causes()).toEqual([]);
});

test("a ledger that moves meanwhile is stood upon", async () => {
  const { bench, git, signer } = await ledger();
  let moved = 0;
  const remote: RemoteLedger = {
    ref: LEDGER,
    // The remote holds what a rival pushed: our own commit gives way to it.
    refresh: async () => void bench.git("update-ref", LEDGER, "refs/rival"),
    async publish() {
      if (moved++ >= 3) return { kind: "published" };
      const rival = await git.resolve("refs/rival");
      await git.append("refs/rival", rival ?? null, [commitOf({ [`rival/${moved}`]: "x" })]);
      return { kind: "overtaken", why: "the rival was first" };
    },
  };
  expect(await recordEvents({ git, signer, ledger: remote }, "42", [event("held", "comment:1")])).toEqual({
    kind: "recorded",
    added: 1,
  });
  expect(bench.git("log", "--format=%s", LEDGER).trimEnd().split("\n")).toEqual([
    "prod/digits: held by ada",
    ...Array.from({ length: 3 }, () => "digits: succeeded"),
  ]);
});

test("an event that the ledger refuses is no event here either, and is recorded when it is asked again", async () => {
  const place = await remotePlace();
  const { mirror, signer, ledger: ref } = await place.controller("ours");
  const heads: (string | undefined)[] = [];
  const remote: RemoteLedger = {
    ref,
    refresh: async () => void (await mirror.refresh([ref])),
    async publish(step) {
      heads.push(await mirror.published());
      return mirror.publish([{ ref, ...step }]);
    },
  };
  const record = async (cause: string) =>
    recordEvents({ git: mirror, signer, ledger: remote }, "42", [event("held", cause)]);
  await record("comment:1");
  const first = await mirror.resolve(ref);
  const hook = join(place.remote.directory, "hooks", "pre-receive");
  writeFileSync(hook, "#!/bin/sh\nexit 1\n");
  chmodSync(hook, 0o755);
  expect(await record("comment:2")).toMatchObject({ kind: "later", why: expect.stringContaining("declined") });
  expect(await mirror.resolve(ref)).toBe(first);
  place.away = true;
  // Each stands upon what the other one appended here.
  expect(await Promise.all([record("comment:2"), record("comment:3")])).toMatchObject([
    { kind: "later" },
    { kind: "later" },
  ]);
  expect([await mirror.resolve(ref), ...new Set(heads.slice(1))]).toEqual([first, first]);
  rmSync(hook);
  place.away = false;
  expect(await record("comment:2")).toEqual({ kind: "recorded", added: 1 });
  expect(await mirror.published()).toBe(await mirror.resolve(ref));
});

test("events are signed keyless beside each other, and one that was overtaken makes no other entry in the log", async () => {
  const { bench, git, ports, signer } = await ledger();
  await using here = await sigstoreHere();
  const tokenFile = join(bench.root, "token");
  writeFileSync(tokenFile, here.token());
  const asked: (() => void)[] = [];
  const keyless = keylessSigner(signer, {
    tokenFile,
    fulcio: here.url,
    rekor: here.url,
    publish: true,
    clock: systemClock(),
    tell: () => undefined,
  });
  const both: Signer = {
    ...keyless,
    async bundle(payload, type) {
      // Each goes on only when the other one was asked for as well.
      await new Promise<void>((resolve) => {
        asked.push(resolve);
        if (asked.length % 2 === 0) for (const go of asked) go();
      });
      return keyless.bundle?.(payload, type);
    },
  };
  let tried = 0;
  const publish: RemoteLedger["publish"] = async () => {
    tried++;
    if (tried > 1) return { kind: "published" };
    bench.git("update-ref", "-d", LEDGER);
    return { kind: "overtaken", why: "it moved" };
  };
  const events = [event("requested", "label:1"), event("released", "pull-request:12")];

  await recordEvents({ git, signer: both, ledger: { ...ports.ledger, publish } }, "42", events);

  expect([tried, asked.length, here.logged.length]).toEqual([2, 4, 2]);
  expect(bench.git("log", "--reverse", "--format=%s", LEDGER).trimEnd().split("\n")).toEqual([
    "prod/digits: requested by ada",
    "prod/digits: released by ada",
  ]);
  const head = (await git.resolve(LEDGER)) ?? sha("0");
  for (const one of events) {
    const payload = (await git.file(head, eventPath(one))) ?? new Uint8Array();
    const beside = (await git.file(head, bundlePath(eventPath(one)))) ?? new Uint8Array();
    expect(Buffer.from(beside).toString()).toContain(Buffer.from(payload).toString("base64"));
  }
});
