import { join } from "node:path";

import { expect, test } from "vitest";

import { findStrays, lookedThroughFrom, UNSEEN, type LookedThrough } from "../../src/controller/find-strays.ts";
import { recordEvents } from "../../src/controller/record-events.ts";
import type { RemoteLedger } from "../../src/git/mirror.ts";
import { nativeMirror } from "../../src/git/native-mirror.ts";
import type { Json } from "../../src/identity/canonical-json.ts";
import { ledgerHeader, LEDGER_HEADER } from "../../src/manifest/ledger-paths.ts";
import { eventPath, eventSignaturePath } from "../../src/release/release-event.ts";
import { fileSigner } from "../../src/signer/file-signer.ts";
import { event } from "../cli/released.ts";
import { commitOf } from "../contract/git.ts";
import { sha } from "../manifest/run-records.ts";
import { repository } from "../sluice.ts";

const LEDGER = "refs/heads/sluice/ledger";

test("what a ledger holds of others is found once, goes on being found, and is gone when it is mended", async () => {
  const bench = repository({ "a.txt": "a" });
  bench.commit();
  const mirror = await nativeMirror({
    directory: join(bench.root, "mirror.git"),
    program: "git",
    grows: LEDGER,
    remote: async () => ({ kind: "ok", url: bench.root, token: null }),
  });
  const [signer, other] = ["keys", "other"].map((name) => fileSigner(join(bench.root, name), undefined));
  if (signer === undefined || other === undefined) throw new Error("unreachable: there are two");
  const ledger: RemoteLedger = {
    ref: LEDGER,
    refresh: async () => undefined,
    publish: async () => ({ kind: "published" }),
  };
  const held = event("held", "comment:1");
  await recordEvents({ git: mirror, signer, ledger }, "42", [held]);
  let seen: LookedThrough = UNSEEN;
  let most = 0;
  const counted: typeof mirror = {
    ...mirror,
    files: (commit, paths) => {
      most = Math.max(most, paths.length);
      return mirror.files(commit, paths);
    },
  };
  const look = async (keys = [signer]): Promise<readonly string[]> => {
    const head = (await mirror.resolve(LEDGER)) ?? sha("0");
    const owner = { repository: "42", keys: new Map(keys.map(({ keyId, publicKey }) => [keyId, publicKey])) };
    // As a table keeps it.
    seen = lookedThroughFrom(
      JSON.parse(JSON.stringify(await findStrays({ mirror: counted, owner }, head, seen))) as Json,
    );
    return seen.strays.map((stray) => (stray.kind === "record" ? stray.why : stray.kind)).toSorted();
  };
  const write = async (files: Readonly<Record<string, string>>): Promise<void> =>
    void (await mirror.append(LEDGER, (await mirror.resolve(LEDGER)) ?? null, [commitOf(files)]));
  expect(await look()).toEqual([]);

  // Of another repository: shown, and no drift.
  await recordEvents({ git: mirror, signer: other, ledger }, "41", [event("held", "comment:2")]);
  await write({ [LEDGER_HEADER]: ledgerHeader("42", [{ keyId: signer.keyId, pem: signer.publicKey }]) });
  expect(await look()).toEqual([]);

  const unheld = event("unheld", "comment:3");
  await recordEvents({ git: mirror, signer: other, ledger }, "42", [unheld]);
  const strange = [expect.stringContaining("signed by a key that is not ours"), "key"];
  expect(await look()).toEqual(strange);
  expect(await look()).toEqual(strange);
  // Its key is listed.
  expect(await look([signer, other])).toEqual([]);
  const broken = { [eventSignaturePath(eventPath(held))]: "{}", "note.txt": "x" };
  await write(broken);
  expect(await look([signer, other])).toEqual(["Sluice writes no such file", "the signature file is no envelope"]);
  // A mirror that was made anew does not know what was seen before.
  seen = { ...seen, until: sha("e") };
  expect(await look([signer, other])).toHaveLength(2);
  // However much there is, little of it is held at once.
  await write(Object.fromEntries(Array.from({ length: 1_200 }, (_, at) => [`note-${at}.txt`, "x"])));
  expect(await look([signer, other])).toHaveLength(100);
  expect(most).toBeLessThanOrEqual(1_000);
});
