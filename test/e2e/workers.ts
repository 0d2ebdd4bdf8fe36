import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import { systemClock } from "../../src/clock/system-clock.ts";
import type { ServiceConfig } from "../../src/config-service.ts";
import { twinConfig } from "../../src/main/serve/demo.ts";
import { openService } from "../../src/main/serve/open-service.ts";
import { startTwin, type Twin } from "../../src/twin/twin.ts";
import type { TwinRepository } from "../../src/twin/world.ts";
import { until } from "../contract/queue.ts";
import { BIN } from "../sluice.ts";
import { digits } from "./repositories.ts";

export interface Place {
  readonly directory: string;
  readonly twin: Twin;
  readonly repository: TwinRepository;
  /** What a command needs to find the service. */
  readonly variables: { readonly SLUICE_DATA: string; readonly SLUICE_QUEUE_URL: string };
  /** A worker as an operator starts it, in a process of its own. */
  readonly worker: (own?: Readonly<Record<string, string>>) => Promise<ChildProcess>;
}

export type QueueAt = (data: string) => Promise<{ url: string; config: ServiceConfig["queue"] }>;

/** A service that performs nothing itself, and a repository whose pipeline is due. */
export async function workplace(
  queue: QueueAt,
  { files, operator }: { readonly files: Readonly<Record<string, string>>; readonly operator?: string },
): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), "sluice-workers-"));
  chmodSync(directory, 0o755);
  const data = join(directory, "data");
  const { url, config: at } = await queue(data);
  const twin = await startTwin({ directory: join(directory, "forge") });
  const operatorFile = operator === undefined ? null : join(directory, "operator.yaml");
  if (operatorFile !== null) writeFileSync(operatorFile, operator ?? "");
  const config = { ...twinConfig(twin, data), logLevel: "silent" as const, queue: at, operatorFile };
  const path = process.env["PATH"] ?? "";
  const opened = await openService({
    config,
    clock: systemClock(),
    version: "test",
    path,
    slots: 0,
    variable: () => undefined,
  });
  if (opened.kind !== "opened") throw new Error(opened.why);
  const workers: ChildProcess[] = [];
  onTestFinished(async () => {
    for (const one of workers) {
      if (one.exitCode !== null || one.signalCode !== null) continue;
      one.kill("SIGKILL");
      await once(one, "exit");
    }
    await opened.service[Symbol.asyncDispose]();
    await twin[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  });
  twin.forge.deliveries.url = `${opened.service.web.url}/api/github/webhooks`;
  const repository = await digits(twin.forge, files);
  const variables = { SLUICE_DATA: data, SLUICE_QUEUE_URL: url };
  return {
    directory,
    twin,
    repository,
    variables,
    async worker(own = {}) {
      const env = { PATH: path, HOME: data, ...variables, ...own };
      const args = ["worker", "--pool", "default", "--concurrency", "1"];
      const child = spawn(BIN, args, { env, stdio: ["ignore", "ignore", "pipe"] });
      workers.push(child);
      let said = "";
      child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
      await until(() => said.includes("takes 1 steps at once"), 30_000);
      return child;
    },
  };
}
