import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { systemClock } from "../../src/clock/system-clock.ts";
import type { ServiceConfig } from "../../src/config-service.ts";
import { twinConfig } from "../../src/main-demo.ts";
import { openService } from "../../src/main-open-service.ts";
import { startTwin } from "../../src/twin/twin.ts";
import type { TwinRepository } from "../../src/twin/world.ts";
import { hasRedis, redisBackend } from "../contract/queue-backends.ts";
import { until } from "../contract/queue.ts";
import { digits } from "./repositories.ts";
import { gitIn } from "./town.ts";

const MAIN = join(import.meta.dirname, "../../src/main.ts");
/** Found in the table of processes, whichever worker runs it. */
const MARK = `6.${process.pid}`;

interface Place {
  readonly repository: TwinRepository;
  /** A worker as an operator starts it, in a process of its own. */
  readonly worker: () => Promise<ChildProcess>;
}

/** A service that performs nothing itself, and a repository whose one step takes six seconds. */
async function place(
  queue: (data: string) => Promise<{ url: string; config: ServiceConfig["queue"] }>,
): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), "sluice-workers-"));
  chmodSync(directory, 0o755);
  const data = join(directory, "data");
  const { url, config: at } = await queue(data);
  const twin = await startTwin({ directory: join(directory, "forge") });
  const config = { ...twinConfig(twin, data), logLevel: "silent" as const, queue: at };
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
  const slow = `sleep ${MARK}\necho 1 > sum.txt\necho '{"total": 1}' > metrics.json\n`;
  const repository = await digits(twin.forge, { "add.sh": slow });
  return {
    repository,
    async worker() {
      const env = { PATH: path, HOME: data, SLUICE_DATA: data, SLUICE_QUEUE_URL: url };
      const args = [MAIN, "worker", "--pool", "default", "--concurrency", "1"];
      const child = spawn(process.execPath, args, { env, stdio: ["ignore", "ignore", "pipe"] });
      workers.push(child);
      let said = "";
      child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
      await until(() => said.includes("takes 1 steps at once"), 30_000);
      return child;
    },
  };
}

/** Processes of the step, of any attempt. */
function sleepers(): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8") === `sleep\0${MARK}\0`;
    } catch {
      return false;
    }
  });
}

/** Looked at a few times a second: looking starts a process. */
async function nothingOpen({ directory }: TwinRepository): Promise<boolean> {
  await new Promise((resolve) => setTimeout(resolve, 300));
  return (await gitIn(directory, "for-each-ref", "refs/sluice/runs")) === "";
}

const recorded = async ({ directory }: TwinRepository): Promise<string> =>
  gitIn(directory, "log", "--format=%s", "sluice/ledger", "--").catch(() => "");

function workers(queue: Parameters<typeof place>[0]): void {
  test(
    "a worker that is killed loses its attempt to another one within 10 s; one that is asked to stop ends it first",
    { timeout: 120_000 },
    async () => {
      const { repository, worker } = await place(queue);
      const doomed = await worker();
      await until(() => sleepers().length === 1, 30_000);
      const [first] = sleepers();
      const second = await worker();

      doomed.kill("SIGKILL");
      const killed = performance.now();
      await until(() => !sleepers().includes(first ?? ""));
      await until(() => sleepers().length === 1);
      expect(performance.now() - killed).toBeLessThan(10_000);

      second.kill("SIGTERM");
      await until(() => nothingOpen(repository), 60_000);
      expect(await recorded(repository)).toBe("sum: succeeded · total 1\n");
      if (second.exitCode === null) await once(second, "exit");
      expect(second.exitCode).toBe(0);
      expect(sleepers()).toEqual([]);

      const [manifest = ""] = (
        await gitIn(repository.directory, "ls-tree", "-r", "--name-only", "sluice/ledger", "runs")
      ).split("\n");
      const bytes = await gitIn(repository.directory, "show", `sluice/ledger:${manifest}`);
      expect(bytes).toContain("its worker died, or could no longer be reached");
    },
  );
}

describe("with an embedded PostgreSQL", () =>
  workers(() => Promise.resolve({ url: "embedded:", config: { kind: "embedded" } })));

const there = hasRedis();
if (!there)
  process.stderr.write("skipped: workers on Redis, because there is no redis-server here (apt install redis-server)\n");
describe.skipIf(!there)("with Redis", () =>
  workers(async () => {
    const backend = await redisBackend();
    onTestFinished(() => backend.stop());
    return { url: backend.url, config: { kind: "redis", url: backend.url } };
  }),
);
