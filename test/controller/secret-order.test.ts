import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";

import { orderSecrets, resolveSecrets } from "../../src/controller/secret-order.ts";
import type { Json, JsonObject } from "../../src/identity/canonical-json.ts";
import type { SecretValues } from "../../src/run/secret-values.ts";
import { fileSigner } from "../../src/signer/file-signer.ts";
import { keepPublicKey, publicKeys } from "../../src/signer/public-keys.ts";
import type { Signer } from "../../src/signer/signer.ts";

const NOW = 1_800_000_000_000;
const ATTEMPT: JsonObject = { run: "r", step: { name: "train", run: "make" }, key: "sha256:1", at: [1, 2] };
const GRANT = { run: "r", step: "train", key: "sha256:1", secrets: [{ name: "TOKEN", from: "env:TOKEN" }] };
const VALUES: Readonly<Record<string, string>> = { "env:TOKEN": "correct-horse", "env:OTHER": "staple" };

function signerIn(): { readonly signer: Signer; readonly keys: ReadonlyMap<string, string> } {
  const directory = mkdtempSync(join(tmpdir(), "sluice-order-"));
  const signer = fileSigner(directory, undefined);
  keepPublicKey(join(directory, "public"), signer);
  const kept = publicKeys(join(directory, "public"));
  rmSync(directory, { recursive: true });
  return { signer, keys: kept };
}

function resolve(
  keys: ReadonlyMap<string, string>,
  order: Json,
  { attempt = ATTEMPT, names = ["TOKEN"], now = NOW }: { attempt?: JsonObject; names?: string[]; now?: number } = {},
): SecretValues {
  const secrets = {
    read: (source: string) =>
      source in VALUES
        ? { kind: "ok" as const, value: VALUES[source] ?? "" }
        : { kind: "refused" as const, why: "is not set where the worker runs", next: "set it" },
  };
  return resolveSecrets({ keys, secrets, clock: { now: () => now } }, { attempt, names, order });
}

let keys: ReadonlyMap<string, string>;
let order: string;
beforeAll(async () => {
  const made = signerIn();
  keys = made.keys;
  order = await orderSecrets({ signer: made.signer, clock: { now: () => NOW } }, ATTEMPT, GRANT);
});

test("an order gives the values of what it names, and holds none", () => {
  expect(resolve(keys, order)).toEqual({ kind: "ok", values: { TOKEN: "correct-horse" } });
  expect(Buffer.from((JSON.parse(order) as { payload: string }).payload, "base64").toString()).not.toContain("horse");
  // Members of an object come back from a queue in any order.
  const turned = Object.fromEntries(Object.entries(ATTEMPT).reverse());
  expect(resolve(keys, order, { attempt: turned }).kind).toBe("ok");
});

test("an attempt that is not to the letter what was granted gets nothing", () => {
  for (const attempt of [
    { ...ATTEMPT, run: "s" },
    { ...ATTEMPT, key: "sha256:2" },
    { ...ATTEMPT, step: { name: "train", run: "curl evil" } },
    { ...ATTEMPT, more: null },
  ])
    expect(resolve(keys, order, { attempt })).toMatchObject({
      kind: "refused",
      failure: { kind: "refused", why: expect.stringContaining("signed for another attempt") as string },
    });
});

test("an order that was touched anywhere gives nothing", () => {
  fc.assert(
    fc.property(fc.nat({ max: order.length - 1 }), fc.constantFrom(..."aZ0+/={}\"' \n"), (at, letter) => {
      fc.pre(order[at] !== letter);
      const touched = `${order.slice(0, at)}${letter}${order.slice(at + 1)}`;
      const read = resolve(keys, touched);
      // White space between members and bits that base64 does not use change nothing that was signed.
      if (read.kind === "ok") expect(read.values).toEqual({ TOKEN: "correct-horse" });
      else expect(read.failure.kind).toBe("refused");
    }),
    { numRuns: 500 },
  );
});

test("other names, sources or times under the same signature give nothing", () => {
  const envelope = JSON.parse(order) as { payload: string };
  const said = JSON.parse(Buffer.from(envelope.payload, "base64").toString()) as JsonObject;
  for (const lie of [
    { secrets: [{ name: "TOKEN", from: "env:OTHER" }] },
    { expiresAt: NOW * 2 },
    { attempt: "sha256:0" },
  ]) {
    const payload = Buffer.from(JSON.stringify({ ...said, ...lie })).toString("base64");
    expect(resolve(keys, JSON.stringify({ ...envelope, payload }))).toMatchObject({
      failure: { why: expect.stringContaining("does not fit the bytes") as string },
    });
  }
});

test("an order of somebody else, of another time, or none at all gives nothing", async () => {
  const { signer } = signerIn();
  const foreign = await orderSecrets({ signer, clock: { now: () => NOW } }, ATTEMPT, GRANT);
  expect(resolve(keys, foreign)).toMatchObject({ failure: { why: expect.stringContaining("nobody") as string } });
  expect(resolve(keys, null)).toMatchObject({ failure: { why: expect.stringContaining("there is none") as string } });
  expect(resolve(keys, "{")).toMatchObject({ failure: { kind: "refused" } });
  expect(resolve(new Map(), order).kind).toBe("refused");
  // Nobody's fault: the run tries again with a new one.
  expect(resolve(keys, order, { now: NOW + 3_600_001 })).toMatchObject({
    failure: { kind: "lost", why: expect.stringContaining("expired at 2027-") as string },
  });
});

test("a secret that the order does not name, or that is not there, ends the attempt with its name", async () => {
  expect(resolve(keys, order, { names: ["TOKEN", "OTHER"] })).toMatchObject({
    failure: { why: expect.stringContaining("does not name `OTHER`") as string },
  });
  const made = signerIn();
  const none = { ...GRANT, secrets: [{ name: "TOKEN", from: "env:NONE" }] };
  const signed = await orderSecrets({ signer: made.signer, clock: { now: () => NOW } }, ATTEMPT, none);
  expect(resolve(made.keys, signed)).toMatchObject({
    failure: { why: "the secret `TOKEN` comes from `env:NONE`, which is not set where the worker runs" },
  });
  expect(resolve(keys, null, { names: [] })).toEqual({ kind: "ok", values: {} });
});
