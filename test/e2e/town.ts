import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { onTestFinished } from "vitest";

import { systemClock } from "../../src/clock/system-clock.ts";
import { openService, type OpenService } from "../../src/main-open-service.ts";
import { twinConfig } from "../../src/main-demo.ts";
import { checkedTwin, type CheckedTwin } from "../github/checked-twin.ts";
import { ENV } from "../sluice.ts";

/** A forge, a service with its queue and its worker: all real, all on this machine, gone when the test ends. */
export interface Town {
  readonly directory: string;
  readonly twin: CheckedTwin;
  readonly service: OpenService;
  /** Ends when a fact holds; fails with `what` after a minute and a half. */
  until(what: string, fact: () => boolean | Promise<boolean>): Promise<void>;
}

/** `operator`: text of the operator's file; `variables`: what the worker finds in its environment. */
export async function town(
  options: {
    readonly operator?: string;
    readonly slots?: number;
    readonly variables?: Readonly<Record<string, string>>;
  } = {},
): Promise<Town> {
  const directory = mkdtempSync(join(tmpdir(), "sluice-town-"));
  const twin = await checkedTwin({ directory: join(directory, "forge") });
  const operatorFile = options.operator === undefined ? null : join(directory, "operator.yaml");
  if (operatorFile !== null) writeFileSync(operatorFile, options.operator ?? "");
  const config = { ...twinConfig(twin, join(directory, "data")), logLevel: "silent" as const, operatorFile };
  const opened = await openService({
    config,
    clock: systemClock(),
    version: "test",
    path: process.env["PATH"] ?? "",
    slots: options.slots ?? 2,
    variable: (name) => options.variables?.[name],
  });
  if (opened.kind !== "opened") throw new Error(opened.why);
  const { service } = opened;
  onTestFinished(async () => {
    await service[Symbol.asyncDispose]();
    await twin[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  });
  twin.forge.deliveries.url = `${service.web.url}/api/github/webhooks`;
  return {
    directory,
    twin,
    service,
    async until(what, fact) {
      const end = Date.now() + 90_000;
      while (!(await fact())) {
        if (Date.now() > end) throw new Error(`${what}: not after 90 s`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
  };
}

/** Not synchronously: the server that answers may live in this process. */
export async function gitIn(directory: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("git", ["-C", directory, ...args], { env: ENV, encoding: "utf8" });
  return stdout;
}
