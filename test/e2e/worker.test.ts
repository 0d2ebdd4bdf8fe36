import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";

import { describe, expect, onTestFinished, test } from "vitest";

import type { TwinRepository } from "../../src/twin/world.ts";
import { hasRedis, redisBackend } from "../contract/queue-backends.ts";
import { until } from "../contract/queue.ts";
import { gitIn } from "./town.ts";
import { workplace, type QueueAt } from "./workers.ts";

/** Found in the table of processes, whichever worker runs it. */
const MARK = `6.${process.pid}`;
const SLOW = `sleep ${MARK}\necho 1 > sum.txt\necho '{"total": 1}' > metrics.json\n`;

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

function workers(queue: QueueAt): void {
  test(
    "a worker that is killed loses its attempt to another one within 10 s; one that is asked to stop ends it first",
    { timeout: 120_000 },
    async () => {
      const { repository, worker } = await workplace(queue, { files: { "add.sh": SLOW } });
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
