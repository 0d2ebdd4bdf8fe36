import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { systemClock } from "../../src/clock/system-clock.ts";
import { readOffline } from "../../src/controller/read-offline.ts";
import { readReproductions } from "../../src/controller/read-reproductions.ts";
import { recordEvents } from "../../src/controller/record-events.ts";
import { recordReproductions, signReproduction } from "../../src/controller/record-reproduction.ts";
import type { RemoteLedger } from "../../src/git/mirror.ts";
import { digestOf } from "../../src/identity/identity.ts";
import { bundlePath, type CheckBundle } from "../../src/manifest/bundle.ts";
import type { ReleaseEvent } from "../../src/release/release-event.ts";
import { differencesOf } from "../../src/release/reproduction.ts";
import { checkBundles } from "../../src/signer/check-bundles.ts";
import { fileSigner } from "../../src/signer/file-signer.ts";
import { keylessSigner } from "../../src/signer/keyless-signer.ts";
import { commitOf, opened } from "../contract/git.ts";
import { runId, sha } from "../manifest/run-records.ts";
import { ISSUER, sigstoreHere, WORKFLOW } from "../signer/sigstore-here.ts";
import { repository } from "../sluice.ts";

const AT = "2026-01-01T00:00:00.000Z";
const EVENT: ReleaseEvent = {
  kind: "rolled-back",
  environment: "prod",
  pipeline: "digits",
  run: runId("a"),
  evidence: null,
  by: { id: null, login: "ada" },
  cause: "offline:1",
  at: AT,
  reason: null,
  pullRequest: null,
  deployment: null,
  revokes: null,
};

test("a bundle beside a record that a known key signed is taken over only where it counts, and the record always", async () => {
  const bench = repository({ "a.txt": "a" });
  bench.commit();
  await using here = await sigstoreHere();
  const git = await opened(bench.root, "native");
  const at = async (ref: string) => (await git.resolve(ref)) ?? sha("0");
  const to = (ref: string): RemoteLedger => ({
    ref,
    refresh: async () => undefined,
    publish: async () => ({ kind: "published" }),
  });
  const tokenFile = join(bench.root, "token");
  writeFileSync(tokenFile, here.token());
  const person = keylessSigner(fileSigner(join(bench.root, "person"), undefined), {
    tokenFile,
    fulcio: here.url,
    rekor: here.url,
    publish: true,
    clock: systemClock(),
    tell: () => undefined,
  });
  const vouching = { keys: new Map([[person.keyId, person.publicKey]]), repository: "42" };
  const signed = await signReproduction(person, {
    repository: "42",
    run: runId("a"),
    manifest: digestOf("manifest"),
    platform: "linux-x64",
    compared: 12,
    differences: differencesOf([]),
    left: [],
    at: AT,
  });
  await recordReproductions({ git, ledger: to("refs/again") }, { id: "digits", name: "digits" }, [signed]);
  await recordEvents({ git, signer: person, ledger: to("refs/away") }, "42", [EVENT]);
  const trusting = async (subject: string): Promise<CheckBundle> => {
    const check = await checkBundles({ root: here.root, identities: [{ issuer: ISSUER, subject }] });
    if (check.kind === "refused") throw new Error(check.refusal);
    return check.value;
  };
  /** Whether a bundle comes along with what counts of both. */
  const read = async (check: CheckBundle | undefined): Promise<readonly boolean[]> => {
    const identities = check === undefined ? undefined : { check, signer: person };
    const again = await readReproductions(git, await at("refs/again"), { ...vouching, identities });
    const away = await readOffline(git, await at("refs/away"), { ...vouching, check });
    if (again.kind !== "ok" || away.kind !== "ok") throw new Error("a record was refused");
    return [...again.value, ...away.value].map((one) => one.signed.bundle !== undefined);
  };
  const listed = await trusting(WORKFLOW);

  expect(await read(listed)).toEqual([true, true]);
  expect(await read(undefined)).toEqual([false, false]);
  expect(await read(await trusting("ada@example.org"))).toEqual([false, false]);

  for (const bytes of ["not a bundle", " ".repeat(70_000)]) {
    for (const ref of ["refs/again", "refs/away"]) {
      const head = await at(ref);
      const { path = "" } = (await git.tree(head)).find((one) => one.path.endsWith(".sigstore.json")) ?? {};
      expect(path).toBe(bundlePath(path.replace(".sigstore", "")));
      await git.append(ref, head, [commitOf({ [path]: bytes })]);
    }
    expect(await read(listed)).toEqual([false, false]);
  }
});
