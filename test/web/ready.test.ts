import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { octokitForges } from "../../src/forge/octokit-forges.ts";
import { twinConfig } from "../../src/main/serve/demo.ts";
import { readiness } from "../../src/main/serve/ready.ts";
import { fileProbe } from "../../src/store/probe.ts";
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
  const told: unknown[] = [];
  const parts = { probe: fileProbe(root), now: () => now, onError: (error: unknown) => told.push(error) };
  const ready = readiness({ ...parts, forges: forges(app.privateKey) });
  expect(await ready()).toBeNull();

  renameSync(root, `${root}.away`);
  writeFileSync(root, "no directory");
  expect(await ready()).toBeNull();
  now += 5_000;
  expect(await ready()).toBe("the store does not keep what is written; the log says why");
  expect(String(told)).toContain(root);
  rmSync(root);
  renameSync(`${root}.away`, root);
  now += 5_000;
  expect(await ready()).toBeNull();

  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const other = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  expect(await readiness({ ...parts, forges: forges(other) })()).toBe("the forge does not take the App's key");
  const away = forges(app.privateKey, "http://127.0.0.1:9/api/v3");
  expect(await readiness({ ...parts, forges: away })()).toBeNull();
});

test("a store that does not answer in time is told in the log too", async () => {
  const told: unknown[] = [];
  const ready = readiness({
    probe: () => new Promise(() => undefined),
    forges: { repositories: () => Promise.resolve({ kind: "ok", value: [] }) },
    now: () => 0,
    onError: (error) => told.push(error),
    withinMs: 10,
  });
  expect(await ready()).toBe("the store does not answer");
  expect(String(told)).toContain("the store did not answer within 0.01 s");
});

const PROBE = join(import.meta.dirname, "../../src/store/probe.ts");
const mounts =
  spawnSync("unshare", ["--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;
if (!mounts) process.stdout.write("skipped: this machine lets nobody mount\n");

test.skipIf(!mounts)("a disk that took what was written before and is full or read-only by now is asked anew", () => {
  const ask = `import { fileProbe } from "${PROBE}"; await fileProbe("/mnt/store")().then(() => console.log("ready"), ({ code }) => console.log(code)); process.exit(0)`;
  const script = [
    "mount -t tmpfs -o size=64k none /mnt",
    `ask() { ${process.execPath} --input-type=module -e '${ask}'; }`,
    "ask",
    "cat /dev/zero > /mnt/all 2>/dev/null; ask",
    "rm /mnt/all; ask",
    "mount -o remount,ro /mnt; ask",
    "ls /mnt/store",
  ].join("\n");
  const { stdout } = spawnSync("unshare", ["--mount", "--map-root-user", "bash", "-c", script], { encoding: "utf8" });
  expect(stdout.split("\n")).toEqual(["ready", "ENOSPC", "ready", "EROFS", ""]);
});
