import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { pino } from "pino";
import { onTestFinished } from "vitest";

import { createApp } from "../../src/app.ts";

import { systemClock } from "../../src/clock/system-clock.ts";
import { processExecutor } from "../../src/executor/process-executor.ts";
import { octokitForges } from "../../src/forge/octokit-forges.ts";
import type { RepositoryRef } from "../../src/identity/repository.ts";
import { composeHands } from "../../src/main-hands.ts";
import { composeService, servicePaths } from "../../src/main-service.ts";
import { openQueue } from "../../src/queue/open-queue.ts";
import { fileSigner } from "../../src/signer/file-signer.ts";
import { filesystemStore } from "../../src/store/filesystem-store.ts";
import { startTwin, type Twin } from "../../src/twin/twin.ts";
import type { TwinRepository } from "../../src/twin/world.ts";
import { startServer, WEBHOOK_PATH } from "../../src/web/server.ts";
import { startWork } from "../../src/worker.ts";
import { ENV } from "../sluice.ts";

const LEDGER = "refs/heads/sluice/ledger";
const program = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim();

/** A forge, a service with its queue and its workers: all real, all on this machine, gone when the test ends. */
export interface Town {
  readonly directory: string;
  readonly twin: Twin;
  /** Ends when a fact holds; fails with `what` after half a minute. */
  until(what: string, fact: () => boolean | Promise<boolean>): Promise<void>;
  /** What went wrong in the background. */
  readonly errors: readonly unknown[];
}

export async function town(): Promise<Town> {
  const directory = mkdtempSync(join(tmpdir(), "sluice-town-"));
  const twin = await startTwin({ directory: join(directory, "forge") });
  const data = join(directory, "data");
  const paths = servicePaths(data);
  const opened = await openQueue("embedded:", { data, holder: "test", onError: () => undefined });
  if (opened.kind !== "opened") throw new Error(opened.expected);
  const { queue } = opened;
  const clock = systemClock();
  const store = filesystemStore(paths.store);
  const executor = processExecutor({
    directory: paths.work,
    sandbox: "auto",
    slots: 2,
    project: directory,
    materialize: (record, target) => store.materialize(record, target),
    launcherPath: join(import.meta.dirname, "../../src/launcher.ts"),
    path: process.env["PATH"] ?? "",
    onDrift: null,
  });
  if ("kind" in executor) throw new Error(executor.why);
  const forges = octokitForges({ appId: twin.app.id, privateKey: twin.app.privateKey, apiUrl: twin.apiUrl, clock });
  const service = composeService({
    forges,
    clock,
    store,
    executor,
    signer: await fileSigner(paths.keys, undefined),
    data,
    program,
    ledger: LEDGER,
    version: "test",
    slots: 2,
    logs: {
      tail: (path, bytes) => (existsSync(path) ? readFileSync(path).subarray(-bytes).toString("utf8") : ""),
      size: (path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0,
    },
  });
  const log = pino({ level: "silent" });
  const errors: unknown[] = [];
  const work = await startWork(queue, composeHands(service, queue), {
    runs: 2,
    onError: (job, error) => errors.push({ job, error }),
  });
  onTestFinished(async () => {
    await work.close();
    await executor[Symbol.asyncDispose]();
    await queue[Symbol.asyncDispose]();
    await twin[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  });
  const app = await createApp({
    config: {
      app: { id: twin.app.id, privateKey: twin.app.privateKey },
      webhooks: { secret: twin.app.secret, previous: null },
      forge: { api: twin.apiUrl },
    } as Parameters<typeof createApp>[0]["config"],
    queue,
    log,
  });
  const server = await startServer({ host: "127.0.0.1", port: 0, version: "test", log, app, queue });
  onTestFinished(() => server.close());
  twin.forge.deliveries.url = `${server.url}${WEBHOOK_PATH}`;
  return {
    directory,
    twin,
    errors,
    async until(what, fact) {
      const end = Date.now() + 30_000;
      while (!(await fact())) {
        if (Date.now() > end) throw new Error(`${what}: not after 30 s; ${errors.map(String).join("; ")}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
  };
}

export function refOf(repository: TwinRepository): RepositoryRef {
  return { installation: repository.installation, id: repository.id, fullName: repository.fullName };
}

/** Not synchronously: the server that answers may live in this process. */
export async function gitIn(directory: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("git", ["-C", directory, ...args], { env: ENV, encoding: "utf8" });
  return stdout;
}
