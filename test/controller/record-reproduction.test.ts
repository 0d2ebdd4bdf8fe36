import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { systemClock } from "../../src/clock/system-clock.ts";
import { findStrays, UNSEEN } from "../../src/controller/find-strays.ts";
import { bundleFindings } from "../../src/cli/verify-bundles.ts";
import { readReproductions, type Identities } from "../../src/controller/read-reproductions.ts";
import { recordReproductions, signReproduction } from "../../src/controller/record-reproduction.ts";
import type { Mirror, RemoteLedger } from "../../src/git/mirror.ts";
import { nativeMirror } from "../../src/git/native-mirror.ts";
import { digestOf } from "../../src/identity/identity.ts";
import { sqliteHistory } from "../../src/index/sqlite-history.ts";
import { parseLedgerHeader } from "../../src/manifest/ledger-header.ts";
import { LEDGER_HEADER } from "../../src/manifest/ledger-paths.ts";
import { eventSignaturePath } from "../../src/release/release-event.ts";
import { differencesOf, type Reproduction } from "../../src/release/reproduction.ts";
import { checkBundles } from "../../src/signer/check-bundles.ts";
import { fileSigner } from "../../src/signer/file-signer.ts";
import { keylessSigner } from "../../src/signer/keyless-signer.ts";
import { commitOf } from "../contract/git.ts";
import { runId, sha } from "../manifest/run-records.ts";
import { ISSUER, sigstoreHere, WORKFLOW } from "../signer/sigstore-here.ts";
import { repository } from "../sluice.ts";

const LEDGER = "refs/heads/sluice/ledger";
const WAITING = `refs/sluice/reproductions/${runId("a")}`;
const DIGITS = { id: "digits", name: "digits" };
const SAME: Reproduction = {
  repository: "42",
  run: runId("a"),
  manifest: digestOf("manifest"),
  platform: "linux-x64",
  compared: 12,
  differences: differencesOf([]),
  left: [],
  at: "2026-01-01T00:00:00.000Z",
};

function mirrorOf(root: string): Promise<Mirror> {
  return nativeMirror({
    directory: join(root, "mirror.git"),
    program: "git",
    grows: LEDGER,
    remote: async () => ({ kind: "ok", url: root, token: null }),
  });
}

function to(ref: string): RemoteLedger {
  return { ref, refresh: async () => undefined, publish: async () => ({ kind: "published" }) };
}

test("reproductions are recorded once as they were signed, read through the index, and are no strays", async () => {
  const bench = repository({ "a.txt": "a" });
  bench.commit();
  const mirror = await mirrorOf(bench.root);
  const [person, stranger] = [
    fileSigner(join(bench.root, "person"), undefined),
    fileSigner(join(bench.root, "stranger"), undefined),
  ];
  const vouching = { keys: new Map([[person.keyId, person.publicKey]]), repository: "42" };
  const at = async (ref: string) => (await mirror.resolve(ref)) ?? sha("0");
  const differs = { ...SAME, differences: differencesOf(["build/model.json"]), at: "2026-01-02T00:00:00.000Z" };
  for (const one of [SAME, differs])
    await recordReproductions({ git: mirror, ledger: to(WAITING) }, DIGITS, [await signReproduction(person, one)]);

  const read = await readReproductions(mirror, await at(WAITING), vouching);
  if (read.kind !== "ok") throw new Error(read.refusal);
  expect(read.value.map(({ reproduction }) => reproduction)).toEqual([SAME, differs]);
  const bring = () => recordReproductions({ git: mirror, ledger: to(LEDGER) }, DIGITS, read.value);
  expect([await bring(), await bring()]).toEqual([{ kind: "recorded" }, { kind: "recorded" }]);
  expect((await mirror.log(LEDGER)).map(({ message }) => message.split("\n")[0])).toEqual([
    "digits: run aaaa did not reproduce: 1 of 12 differ",
    "digits: run aaaa reproduced, 12 digests and metrics compared",
  ]);
  const header = parseLedgerHeader((await mirror.file(await at(LEDGER), LEDGER_HEADER)) ?? new Uint8Array());
  expect(header).toMatchObject({ kind: "ok", value: { repository: "42", keys: vouching.keys } });

  const history = sqliteHistory(join(bench.root, "history.sqlite"), {
    head: () => mirror.resolve(LEDGER),
    log: (until) => mirror.log(LEDGER, until),
    files: (commit, paths) => mirror.files(commit, paths),
  });
  await history.sync();
  const entries = history.reproductions(SAME.run);
  expect(entries.map(({ payload }) => Buffer.from(payload))).toEqual(
    read.value.map(({ signed }) => Buffer.from(signed.payload)),
  );
  expect(history.reproductions(runId("b"))).toEqual([]);
  const strays = async () => (await findStrays({ mirror, owner: vouching }, await at(LEDGER), UNSEEN)).strays;
  expect(await strays()).toEqual([]);

  // What stands in its place gives way to it.
  const path = entries[0]?.path ?? "";
  await mirror.append(LEDGER, await at(LEDGER), [commitOf({ [eventSignaturePath(path)]: "{}" })]);
  expect(await strays()).toEqual([{ kind: "record", path, why: "the signature file is no envelope" }]);
  await bring();
  expect(await strays()).toEqual([]);

  // One that somebody else signed spoils those beside it.
  await recordReproductions({ git: mirror, ledger: to(WAITING) }, DIGITS, [
    await signReproduction(stranger, { ...SAME, at: "2026-01-03T00:00:00.000Z" }),
  ]);
  const refusal = async (commit: string) => readReproductions(mirror, await at(commit), vouching);
  expect(await refusal(WAITING)).toMatchObject({
    refusal: expect.stringContaining("a key that is not ours") as string,
  });
  const odd = await mirror.append("refs/odd", null, [commitOf({ "a.txt": "a" })]);
  expect(odd.kind).toBe("appended");
  expect(await refusal("refs/odd")).toMatchObject({ refusal: "it is no record of a reproduction" });
});

test("what a listed workflow signed keyless counts, under the service's signature and without its runner's key", async () => {
  const bench = repository({ "a.txt": "a" });
  bench.commit();
  await using here = await sigstoreHere();
  const mirror = await mirrorOf(bench.root);
  const at = async (ref: string) => (await mirror.resolve(ref)) ?? sha("0");
  const service = fileSigner(join(bench.root, "service"), undefined);
  const tokenFile = join(bench.root, "token");
  writeFileSync(tokenFile, here.token());
  const keyless = {
    tokenFile,
    fulcio: here.url,
    rekor: here.url,
    publish: true,
    clock: systemClock(),
    tell: () => undefined,
  };
  const runner = keylessSigner(fileSigner(join(bench.root, "runner"), undefined), keyless);
  await recordReproductions({ git: mirror, ledger: to(WAITING) }, DIGITS, [await signReproduction(runner, SAME)]);
  const own = { keys: new Map([[service.keyId, service.publicKey]]), repository: "42" };
  const trusting = async (subject: string): Promise<Identities> => {
    const check = await checkBundles({ root: here.root, identities: [{ issuer: ISSUER, subject }] });
    if (check.kind === "refused") throw new Error(check.refusal);
    return { check: check.value, signer: service };
  };
  const identities = await trusting(WORKFLOW);
  const others = await trusting("ada@example.org");
  const read = async (given: Parameters<typeof readReproductions>[2]) =>
    readReproductions(mirror, await at(WAITING), given);

  expect(await read(own)).toMatchObject({ refusal: expect.stringContaining("a key that is not ours") as string });
  expect(await read({ ...own, identities: others })).toMatchObject({
    refusal: expect.stringContaining(
      `subject: "${WORKFLOW}" } to \`sigstore.identities\` of the operator's file`,
    ) as string,
  });
  expect(await read({ ...own, repository: "43", identities })).toMatchObject({
    refusal: "it is of another repository (42)",
  });
  const found = await read({ ...own, identities });
  if (found.kind !== "ok") throw new Error(found.refusal);
  await recordReproductions({ git: mirror, ledger: to(LEDGER) }, DIGITS, found.value);

  const head = await at(LEDGER);
  const header = parseLedgerHeader((await mirror.file(head, LEDGER_HEADER)) ?? new Uint8Array());
  expect(header).toMatchObject({ kind: "ok", value: { keys: own.keys } });
  expect((await findStrays({ mirror, owner: own }, head, UNSEEN)).strays).toEqual([]);
  const tree = await mirror.tree(head);
  expect(tree.filter(({ path }) => path.endsWith(".sigstore.json"))).toHaveLength(1);
  expect(await bundleFindings(mirror, { head, tree, check: identities.check })).toEqual([]);
  expect(await bundleFindings(mirror, { head, tree, check: others.check })).toMatchObject([
    { kind: "identity", sentence: expect.stringContaining("of sluice.yaml") as string },
  ]);
});
