import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { envSecrets } from "../../src/secrets/env-secrets.ts";
import { fileSecrets } from "../../src/secrets/file-secrets.ts";
import { secretSources } from "../../src/secrets/secret-sources.ts";
import type { Secrets } from "../../src/secrets/secrets.ts";

/** Sources `env:TOKEN` and `file:<directory>/token` hold `correct-horse`. */
function sources(): { readonly secrets: Secrets; readonly directory: string } {
  const directory = mkdtempSync(join(tmpdir(), "sluice-secrets-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, "data/keys"), { recursive: true });
  writeFileSync(join(directory, "data/keys/ed25519.pem"), "the signing key");
  writeFileSync(join(directory, "token"), "correct-horse\n");
  const variables: Readonly<Record<string, string>> = {
    TOKEN: "correct-horse",
    EMPTY: "",
    APP_ID: "1",
    PRIVATE_KEY: "own",
    PRIVATE_KEY_PATH: "own",
    WEBHOOK_SECRET: "own",
    WEBHOOK_SECRET_PREVIOUS: "own",
    SLUICE_SIGNING_KEY: "own",
    SLUICE_QUEUE_URL: "own",
    GITHUB_TOKEN: "own",
    GH_TOKEN: "own",
    GH_ENTERPRISE_TOKEN: "own",
  };
  const secrets = secretSources({
    env: envSecrets((name) => variables[name]),
    file: fileSecrets([join(directory, "data")]),
  });
  return { secrets, directory };
}

test("a secret is read from a variable or a file, without the line end that editors leave", () => {
  const { secrets, directory } = sources();
  expect(secrets.read("env:TOKEN")).toEqual({ kind: "ok", value: "correct-horse" });
  expect(secrets.read(`file:${directory}/token`)).toEqual({ kind: "ok", value: "correct-horse" });
});

test("what is not there, empty, or of another kind is refused with what to do", () => {
  const { secrets, directory } = sources();
  for (const source of ["env:NONE", "env:EMPTY", "env:a b", `file:${directory}/none`, "file:token", "vault:x", ""]) {
    const read = secrets.read(source);
    expect([source, read.kind]).toEqual([source, "refused"]);
    expect(read.kind === "refused" ? read.next : "").not.toBe("");
  }
  expect(secrets.read(`file:${directory}`)).toMatchObject({ why: "is no file of at most 64 KiB" });
});

test("variables of Sluice and Probot are nobody's secrets", () => {
  const { secrets } = sources();
  for (const name of ["APP_ID", "PRIVATE_KEY", "PRIVATE_KEY_PATH", "WEBHOOK_SECRET", "WEBHOOK_SECRET_PREVIOUS"])
    expect(secrets.read(`env:${name}`)).toMatchObject({ kind: "refused", why: "is Sluice's own" });
  for (const name of ["SLUICE_SIGNING_KEY", "SLUICE_QUEUE_URL", "GITHUB_TOKEN", "GH_TOKEN", "GH_ENTERPRISE_TOKEN"])
    expect(secrets.read(`env:${name}`)).toMatchObject({ kind: "refused", why: "is Sluice's own" });
});

test("files of Sluice and the system are nobody's secrets, by whatever way", () => {
  const { secrets, directory } = sources();
  symlinkSync(join(directory, "data/keys/ed25519.pem"), join(directory, "link"));
  for (const path of [
    `${directory}/data/keys/ed25519.pem`,
    `${directory}/link`,
    `${directory}/data/../data/keys/ed25519.pem`,
    "/proc/self/environ",
    `/proc/${process.pid}/environ`,
  ])
    expect(secrets.read(`file:${path}`)).toMatchObject({ kind: "refused", why: "is Sluice's or the system's own" });
});
