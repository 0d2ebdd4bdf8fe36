import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { octokitForges } from "../../src/forge/octokit-forges.ts";
import { twinConfig } from "../../src/main-demo.ts";
import { readiness } from "../../src/main-ready.ts";
import { filesystemStore } from "../../src/store/filesystem-store.ts";
import { startTwin } from "../../src/twin/twin.ts";
import { digits } from "../e2e/repositories.ts";

test("a service is ready while its store keeps bytes and the forge takes its key, or is away", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-ready-"));
  const twin = await startTwin({ directory: join(directory, "forge") });
  onTestFinished(async () => {
    await twin[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });
  await digits(twin.forge);
  const { app, forge } = twinConfig(twin, directory);
  let now = Date.now();
  const forges = (privateKey: string, apiUrl = forge.api) =>
    octokitForges({ appId: app.id, privateKey, apiUrl, now: () => Date.now() });
  const root = join(directory, "store");
  const ready = readiness({ store: filesystemStore(root), forges: forges(app.privateKey), now: () => now });
  expect(await ready()).toBeNull();

  renameSync(root, `${root}.away`);
  writeFileSync(root, "no directory");
  expect(await ready()).toBeNull();
  now += 5_000;
  expect(await ready()).toContain("the store cannot be written");
  rmSync(root);
  renameSync(`${root}.away`, root);
  now += 5_000;
  expect(await ready()).toBeNull();

  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const other = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const store = filesystemStore(root);
  expect(await readiness({ store, forges: forges(other), now: () => now })()).toContain(
    "the forge does not take the App's key",
  );
  const away = forges(app.privateKey, "http://127.0.0.1:9/api/v3");
  expect(await readiness({ store, forges: away, now: () => now })()).toBeNull();
});
