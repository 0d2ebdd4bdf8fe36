import { createPublicKey, verify } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import {
  NOTICE_TYPE,
  sendNotices,
  toldNotices,
  waitingNotices,
  type Posted,
  type SendNoticesPorts,
} from "../../src/controller/send-notices.ts";
import { preAuthentication } from "../../src/manifest/dsse.ts";
import { secretSources } from "../../src/secrets/secret-sources.ts";
import { envSecrets } from "../../src/secrets/env-secrets.ts";
import { fileSecrets } from "../../src/secrets/file-secrets.ts";
import { fileSigner } from "../../src/signer/file-signer.ts";
import { memoryTable } from "./memory-table.ts";

const DAY = 86_400_000;

function desk(answers: readonly Posted[]) {
  const directory = mkdtempSync(join(tmpdir(), "sluice-notices-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const signer = fileSigner(directory, undefined);
  const table = memoryTable();
  const posted: { readonly url: string; readonly body: string; readonly headers: Readonly<Record<string, string>> }[] =
    [];
  const trouble: string[] = [];
  let now = 1_790_000_000_000;
  const variables: Record<string, string> = {
    ALERT: "https://hooks.example/T0/secret",
    OTHER: "https://other.example/",
  };
  const left = [...answers];
  const lease = new AbortController();
  const ports: SendNoticesPorts = {
    table,
    clock: { now: () => now },
    signer,
    secrets: secretSources({ env: envSecrets((name) => variables[name]), file: fileSecrets([directory]) }),
    post(url, body, headers) {
      posted.push({ url, body, headers });
      return Promise.resolve(left.shift() ?? { kind: "ok" });
    },
    lost: lease.signal,
    onTrouble: (why) => void trouble.push(why),
  };
  return {
    signer,
    posted,
    trouble,
    lose: () => lease.abort(),
    pass: (ms: number) => (now += ms),
    want: (webhook: string, id: string) =>
      table.put(waitingNotices(7), `${webhook} ${id}`, { webhook, id, body: `{"id":"${id}"}`, since: now++ }),
    send: () => sendNotices(ports, 7),
    waiting: async () => (await table.entries(waitingNotices(7))).length,
    told: async () => (await table.entries(toldNotices(7))).length,
  };
}

test("a notice is signed with the ledger's key, told once in its order, and then remembered", async () => {
  const { signer, posted, want, send, waiting, told } = desk([]);
  await want("env:ALERT", "b");
  await want("env:ALERT", "a");
  expect(await send()).toBeNull();
  expect(posted.map(({ url, body }) => [url, body])).toEqual([
    ["https://hooks.example/T0/secret", '{"id":"b"}'],
    ["https://hooks.example/T0/secret", '{"id":"a"}'],
  ]);
  expect([await waiting(), await told()]).toEqual([0, 2]);
  const [, keyId, signature = ""] =
    /^keyid=(\w+), ed25519=(\S+)$/.exec(posted[0]?.headers["sluice-signature"] ?? "") ?? [];
  expect(keyId).toBe(signer.keyId);
  const signed = preAuthentication(NOTICE_TYPE, Buffer.from(posted[0]?.body ?? ""));
  expect(verify(null, signed, createPublicKey(signer.publicKey), Buffer.from(signature, "base64"))).toBe(true);
});

test("what is not taken waits and is told again, and holds up no other webhook", async () => {
  const { posted, trouble, pass, want, send, waiting } = desk([{ kind: "unreachable", why: "it answered 503" }]);
  await want("env:ALERT", "a");
  await want("env:ALERT", "b");
  await want("env:OTHER", "a");
  expect(await send()).toBe(5_000);
  expect(posted).toHaveLength(2);
  expect(trouble).toEqual(["the webhook env:ALERT was not told of a: it answered 503, and it is asked again"]);
  expect(await waiting()).toBe(2);
  pass(5_000);
  expect(await send()).toBeNull();
  expect(posted.map(({ body }) => body)).toEqual(['{"id":"a"}', '{"id":"a"}', '{"id":"a"}', '{"id":"b"}']);
});

test("what is refused, or not taken for a day, is given up in words that hold no address", async () => {
  const { trouble, pass, want, send, waiting } = desk([{ kind: "refused", why: "it answered 404" }]);
  await want("env:ALERT", "a");
  await want("env:UNSET", "b");
  expect(await send()).toBe(5_000);
  pass(DAY);
  expect(await send()).toBeNull();
  expect(await waiting()).toBe(0);
  const unset = "the webhook env:UNSET was not told of b: its address cannot be read where the service runs, and";
  expect(trouble).toEqual([
    "the webhook env:ALERT was not told of a: it answered 404, and this is given up",
    `${unset} it is asked again`,
    `${unset} this is given up`,
  ]);
});

test("what was told while somebody else put it is not told again", async () => {
  const { posted, want, send, waiting } = desk([]);
  await want("env:ALERT", "a");
  await send();
  // Whoever looked had read what was told before the post, and puts it after.
  await want("env:ALERT", "a");
  expect(await send()).toBeNull();
  expect(posted).toHaveLength(1);
  expect(await waiting()).toBe(0);
});

test("who is no longer the only sender sends nothing more", async () => {
  const { lose, posted, want, send, waiting } = desk([]);
  await want("env:ALERT", "a");
  lose();
  expect(await send()).toBe(5_000);
  expect(posted).toEqual([]);
  expect(await waiting()).toBe(1);
});
