import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { checkedTwin } from "../github/checked-twin.ts";
import { prepareDatabase } from "../prepared-database.ts";
import { digits } from "./repositories.ts";
import { serve, type Serving } from "./serving.ts";
import { gitIn } from "./town.ts";

test(
  "a service that is killed in the middle of a run leaves it to the next one, which records it once",
  { timeout: 240_000 },
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "sluice-serve-"));
    const twin = await checkedTwin({ directory: join(directory, "forge") });
    chmodSync(directory, 0o755);
    const data = join(directory, "data");
    await prepareDatabase(data);
    const running: Serving[] = [];
    onTestFinished(async () => {
      for (const one of running) one.process.kill("SIGKILL");
      await Promise.all(running.map(({ ended }) => ended));
      await twin[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
    });
    // Long enough to be killed in, short enough to wait for.
    const slow = "sleep 3\necho 1 > sum.txt\necho '{\"total\": 1}' > metrics.json\n";
    const repository = await digits(twin.forge, { "add.sh": slow });
    const accepted = (): Promise<string> =>
      gitIn(repository.directory, "for-each-ref", "--format=%(refname)", "refs/sluice/runs");
    const until = async (fact: () => Promise<boolean>): Promise<void> => {
      const end = Date.now() + 40_000;
      while (!(await fact())) {
        if (Date.now() > end) throw new Error("not after 40 s");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };

    running.push(await serve(twin, data));
    await until(async () => (await accepted()) !== "");
    running[0]?.process.kill("SIGKILL");
    await running[0]?.ended;
    expect(await accepted()).not.toBe("");

    const second = await serve(twin, data);
    running.push(second);
    await until(async () => (await accepted()) === "");
    const log = await gitIn(repository.directory, "log", "--format=%s", "sluice/ledger", "--");
    expect(log.trim().split("\n")).toEqual(["sum: succeeded · total 1"]);
    expect(await gitIn(repository.directory, "fsck", "--strict", "--no-dangling")).toBe("");

    second.process.kill("SIGTERM");
    expect(await second.ended).toBe(0);
  },
);
