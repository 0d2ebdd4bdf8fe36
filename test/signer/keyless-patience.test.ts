import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { systemClock } from "../../src/clock/system-clock.ts";
import { fileSigner } from "../../src/signer/file-signer.ts";
import { keylessSigner, type Keyless } from "../../src/signer/keyless-signer.ts";
import { sigstoreHere, type SigstoreHere } from "./sigstore-here.ts";

const directory = mkdtempSync(join(tmpdir(), "sluice-patience-"));
const tokenFile = join(directory, "token");
let here: SigstoreHere;
let told: string[];
let now: number;

beforeAll(async () => {
  here = await sigstoreHere();
  writeFileSync(tokenFile, here.token());
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});
beforeEach(() => {
  told = [];
  now = 0;
});

/** What gives the bundle over a text. */
function bundling(over: Partial<Keyless> = {}): (text: string) => Promise<Uint8Array | undefined> {
  const signer = keylessSigner(fileSigner(directory, undefined), {
    tokenFile,
    fulcio: here.url,
    rekor: here.url,
    publish: true,
    clock: { ...systemClock(), now: () => now },
    tell: (sentence) => void told.push(sentence),
    ...over,
  });
  return async (text) => signer.bundle?.(new TextEncoder().encode(text), "text/plain");
}

/** A server that takes whatever it is asked and never answers. */
async function silence(): Promise<AsyncDisposable & { readonly url: string; readonly asked: Promise<void>[] }> {
  const heard = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let count = 0;
  const server = createServer(() => heard[count++]?.resolve());
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: heard.map(({ promise }) => promise),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}

test.each<[string, (url: string) => Partial<Keyless>]>([
  ["runner", (url) => ({ tokenFile: undefined, runner: { url, bearer: "secret" } })],
  ["Fulcio", (url) => ({ fulcio: url })],
  ["Rekor", (url) => ({ rekor: url })],
])("a %s that is silent holds nobody up after the deadline, and is not asked for the next record", async (_, over) => {
  await using server = await silence();
  const waits: number[] = [];
  // The deadline passes as soon as the server was asked.
  const wait = async (milliseconds: number): Promise<undefined> => {
    waits.push(milliseconds);
    await server.asked[waits.length - 1];
    return undefined;
  };
  const bundle = bundling({ ...over(server.url), clock: { now: () => now, wait } });

  expect(await bundle("a")).toBeUndefined();
  expect(told.at(-1)).toContain("not signed keyless: there was none after 30 seconds; the key ");
  now = 299_999;
  expect(await bundle("b")).toBeUndefined();
  expect(told.at(-1)).toContain("there was none after 30 seconds, asked again in 1 min; the key ");
  expect(waits).toEqual([30_000]);
  now = 300_000;
  expect(await bundle("c")).toBeUndefined();
  expect(waits).toEqual([30_000, 30_000]);
});

test("what is out of order is left alone for minutes, and asked again after them", async () => {
  const bundle = bundling();
  here.down.add("fulcio");
  expect(await bundle("a")).toBeUndefined();
  here.down.clear();
  expect(await bundle("b")).toBeUndefined();
  expect(told.at(-1)).toContain("Fulcio gave no certificate: (503) out of order, asked again in 5 min");
  now = 300_000;
  expect(await bundle("b")).toBeDefined();
});

test("a refusal of one token keeps nobody from asking with the next one", async () => {
  const bundle = bundling();
  writeFileSync(tokenFile, here.token({ exp: 1_000_000 }));
  expect(await bundle("a")).toBeUndefined();
  writeFileSync(tokenFile, here.token());
  expect(await bundle("a")).toBeDefined();
});

test("a payload that is signed again has the bundle that it had, and the log no other entry", async () => {
  const bundle = bundling();
  const before = here.logged.length;
  const [first, beside] = await Promise.all([bundle("a"), bundle("a")]);
  const again = await bundle("a");

  expect(first).toBeDefined();
  expect([beside, again]).toEqual([first, first]);
  expect(here.logged).toHaveLength(before + 1);
  expect(await bundle("b")).not.toEqual(first);
});

test("why there is no token is said, with the file that cannot be read or what the runner answered", async () => {
  const missing = join(directory, "missing");
  expect(await bundling({ tokenFile: missing })("a")).toBeUndefined();
  expect(told.at(-1)).toContain(`no OIDC token could be had: SLUICE_ID_TOKEN_FILE=${missing}: ENOENT`);

  const runner = { url: here.runner.ACTIONS_ID_TOKEN_REQUEST_URL, bearer: "wrong" };
  expect(await bundling({ tokenFile: undefined, runner })("a")).toBeUndefined();
  expect(told.at(-1)).toContain("no OIDC token could be had: the runner answered 401 without one");

  const right = { ...runner, bearer: here.runner.ACTIONS_ID_TOKEN_REQUEST_TOKEN };
  expect(await bundling({ tokenFile: undefined, runner: right })("a")).toBeDefined();

  writeFileSync(missing, "no token\n");
  expect(await bundling({ tokenFile: missing })("a")).toBeUndefined();
  expect(told.at(-1)).toContain(`the OIDC token in ${missing} is no JWT`);
});
