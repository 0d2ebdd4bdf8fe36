import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { onTestFinished } from "vitest";

import { systemClock } from "../../src/clock/system-clock.ts";
import type { ServiceConfig } from "../../src/config-service.ts";
import { openService, type OpenService } from "../../src/main/serve/open-service.ts";
import { twinConfig } from "../../src/main/serve/demo.ts";
import { checkedTwin, type CheckedTwin } from "../github/checked-twin.ts";
import type { WriteLimits } from "../../src/scheduling/write-budget.ts";
import { prepareDatabase } from "../prepared-database.ts";
import { ENV } from "../sluice.ts";
import { ledgerLog } from "./ledger-log.ts";

/** A forge, a service with its queue and its worker: all real, all on this machine, gone when the test ends. */
export interface Town {
  readonly directory: string;
  readonly twin: CheckedTwin;
  readonly service: OpenService;
  /** Ends when a fact holds; fails with `what` after a minute and a half. */
  until(what: string, fact: () => boolean | Promise<boolean>): Promise<void>;
}

/** A server of one's own may have no limits; those of GitHub have tests of their own. */
const PLENTY: WriteLimits = { aMinute: 6_000, anHour: 60_000 };

/** `operator`: text of the operator's file; `variables`: what the worker finds in its environment. */
export async function town(
  options: {
    readonly operator?: string;
    readonly slots?: number;
    readonly variables?: Readonly<Record<string, string>>;
    readonly bellAfterMs?: number;
    readonly webhooks?: "off";
    /** Told every line of the service's log, which is silent otherwise. */
    readonly logged?: (line: string) => void;
    /** Where its queue is; default: embedded. */
    readonly queue?: ServiceConfig["queue"];
    /** Where it has Sigstore bundles from; default: nowhere. */
    readonly keyless?: ServiceConfig["keyless"];
    /** What the forge lets the service write; default: what no test meets. */
    readonly writes?: WriteLimits;
    /** What is so before the service starts. */
    readonly before?: (twin: CheckedTwin) => Promise<void>;
  } = {},
): Promise<Town> {
  const directory = mkdtempSync(join(tmpdir(), "sluice-town-"));
  // Where the database's user may not go, its files would stand elsewhere and be left behind.
  chmodSync(directory, 0o755);
  await prepareDatabase(join(directory, "data"));
  const twin = await checkedTwin({ directory: join(directory, "forge") });
  await options.before?.(twin);
  const { webhooks, bellAfterMs } = options;
  const operatorFile = options.operator === undefined ? null : join(directory, "operator.yaml");
  if (operatorFile !== null) writeFileSync(operatorFile, options.operator ?? "");
  const config = {
    ...twinConfig(twin, join(directory, "data")),
    logLevel: options.logged === undefined ? ("silent" as const) : ("info" as const),
    operatorFile,
    ...(webhooks === "off" && { webhooks: null }),
    ...(options.queue !== undefined && { queue: options.queue }),
    ...(options.keyless !== undefined && { keyless: options.keyless }),
  };
  const opened = await openService({
    config,
    clock: systemClock(),
    ...(bellAfterMs !== undefined && { bellAfterMs }),
    logTo: { write: (line) => options.logged?.(line) },
    version: "test",
    path: process.env["PATH"] ?? "",
    slots: options.slots ?? 2,
    writes: options.writes ?? PLENTY,
    variable: (name) => options.variables?.[name],
  });
  if (opened.kind !== "opened") throw new Error(opened.why);
  const { service } = opened;
  onTestFinished(async ({ task }) => {
    // A machine where it fails once cannot be asked again.
    if (task.result?.state === "fail")
      for (const repository of twin.forge.world.repositories.values())
        process.stderr.write(await failures(repository.directory));
    await service[Symbol.asyncDispose]();
    await twin[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  });
  if (webhooks !== "off") twin.forge.deliveries.url = `${service.web.url}/api/github/webhooks`;
  return {
    directory,
    twin,
    service,
    async until(what, fact) {
      const end = Date.now() + 90_000;
      for (;;) {
        const asked = performance.now();
        if (await fact()) return;
        if (Date.now() > end) throw new Error(`${what}: not after 90 s`);
        // Asking git starts a process, and the service has two cores: a question takes a tenth of the time at most.
        const rest = Math.max(50, 9 * (performance.now() - asked));
        await new Promise((resolve) => setTimeout(resolve, rest));
      }
    },
  };
}

/** Wakes the service as its own clock does every minute. */
export async function minutePasses({ twin, service }: Town): Promise<void> {
  for (const { id, fullName, installation, parent } of twin.forge.world.repositories.values()) {
    if (parent !== null) continue;
    const repository = { id, fullName, installation };
    await service.queue.jobs.add("controller", [
      { id: `minute-${id}`, payload: { kind: "reconcile", repository, because: "a minute passed" } },
    ]);
  }
}

/** Ends when the controller has nothing to do at once: a look that overlapped with a report may have asked for one more. */
export async function nothingToDo(place: Town): Promise<void> {
  await place.until("the controller has nothing to do", async () => {
    const { waiting, active } = await place.service.queue.jobs.counts("controller");
    return waiting + active === 0;
  });
}

/** Trigger and status of every recorded run, newest first. */
export async function recorded({ directory }: { readonly directory: string }): Promise<readonly string[]> {
  const trailer = (name: string): string => `%(trailers:key=Sluice-${name},valueonly,separator=%x20)`;
  const format = `--format=${trailer("Pipeline")} ${trailer("Trigger")} ${trailer("Status")}`;
  const log = await ledgerLog({ directory }, format);
  // Commits that somebody made by hand have no trailers.
  return log.split("\n").filter((line) => line.trim() !== "");
}

/** Failed runs of a ledger, each with the lines of its manifest that say why. */
async function failures(directory: string): Promise<string> {
  const log = await gitIn(
    directory,
    "log",
    "--format=%H",
    "-E",
    "--grep=^Sluice-Status: (failed|refused|abandoned)",
    "sluice/ledger",
    "--",
  ).catch(() => "");
  const shown = log.split("\n").filter((commit) => commit !== "");
  const told = await Promise.all(
    shown.map(async (commit) => {
      const patch = await gitIn(directory, "show", "--format=%s", commit, "--", ":(glob)**/manifest.json");
      return patch.split("\n").filter((line, at) => at === 0 || line.includes('"failure":{'));
    }),
  );
  return `${told.flat().join("\n")}\n`;
}

/** Runs that are accepted and not recorded. */
export function accepted({ directory }: { readonly directory: string }): Promise<string> {
  return gitIn(directory, "for-each-ref", "--format=%(refname)", "refs/sluice/runs");
}

/** Not synchronously: the server that answers may live in this process. */
export async function gitIn(directory: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("git", ["-C", directory, ...args], { env: ENV, encoding: "utf8" });
  return stdout;
}
