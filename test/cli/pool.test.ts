import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import type { PoolView } from "../../src/report/pool-text.ts";
import { until } from "../contract/queue.ts";
import { BIN, ENV } from "../sluice.ts";

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function sluice(data: string, ...args: readonly string[]): Promise<Said> {
  return new Promise((resolve) => {
    const child = execFile(BIN, args, { env: { ...ENV, SLUICE_DATA: data } }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

test("ps, pause and unpause show and steer a pool from outside", { timeout: 90_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-pool-"));
  chmodSync(directory, 0o755);
  const data = join(directory, "data");
  expect(await sluice(data, "ps", "--pool", "gpu")).toMatchObject({ code: 75, stdout: "" });

  const worker = spawn(BIN, ["worker", "--pool", "gpu", "--concurrency", "3"], {
    env: { ...ENV, SLUICE_DATA: data },
    stdio: ["ignore", "ignore", "pipe"],
  });
  onTestFinished(async () => {
    worker.kill("SIGTERM");
    if (worker.exitCode === null && worker.signalCode === null) await once(worker, "exit");
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  });
  let said = "";
  worker.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await until(() => said.includes("takes 3 steps at once"), 40_000);

  const view = async (): Promise<PoolView> =>
    JSON.parse((await sluice(data, "ps", "--pool", "gpu", "--json")).stdout) as PoolView;
  const { workers, pausedSince, active } = await view();
  expect([workers.map(({ slots }) => slots), pausedSince, active]).toEqual([[3], null, 0]);
  expect((await sluice(data, "pause", "--pool", "gpu")).code).toBe(0);
  expect((await view()).pausedSince).toMatch(/^\d{4}-/);
  expect((await sluice(data, "pause", "--pool", "gpuu")).stderr).toContain("no worker of it has announced itself");
  expect((await sluice(data, "ps", "--pool", "gpu")).stdout).toContain("next: sluice unpause --pool gpu");
  expect((await sluice(data, "unpause", "--pool", "gpu")).stderr).toContain("takes work again");
  expect((await sluice(data, "unpause", "--pool", "gpu")).stderr).toContain("was not paused");
  expect((await view()).pausedSince).toBeNull();
  expect((await sluice(data, "ps", "--pool", "../x")).code).toBe(64);
});
