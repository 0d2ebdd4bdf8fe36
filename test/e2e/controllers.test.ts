import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { systemClock } from "../../src/clock/system-clock.ts";
import { twinConfig } from "../../src/main/serve/demo.ts";
import { openService, type OpenService } from "../../src/main/serve/open-service.ts";
import { hasRedis, redisBackend } from "../contract/queue-backends.ts";
import { until } from "../contract/queue.ts";
import { checkedTwin } from "../github/checked-twin.ts";
import { digits } from "./repositories.ts";

const NOTHING_BY_ITSELF = `version: 1
name: sum
on: { push: false }
params: params.yaml
steps:
  add: { run: sh add.sh, inputs: [add.sh, data.txt], params: [plus], outputs: [sum.txt] }
`;

test.skipIf(!hasRedis())(
  `two controllers that are woken for the same pull request keep one comment and one check of the newest head${hasRedis() ? "" : " (skipped: no redis-server here)"}`,
  { timeout: 180_000 },
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "sluice-controllers-"));
    const backend = await redisBackend();
    const twin = await checkedTwin({ directory: join(directory, "forge") });
    const services: OpenService[] = [];
    onTestFinished(async () => {
      for (const service of services) await service[Symbol.asyncDispose]();
      await twin[Symbol.asyncDispose]();
      await backend.stop();
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
    });
    for (const name of ["one", "other"]) {
      const config = twinConfig(twin, join(directory, name));
      const opened = await openService({
        config: { ...config, logLevel: "silent", queue: { kind: "redis", url: backend.url } },
        clock: systemClock(),
        version: "test",
        path: process.env["PATH"] ?? "",
        slots: 0,
        variable: () => undefined,
      });
      if (opened.kind !== "opened") throw new Error(opened.why);
      services.push(opened.service);
    }
    const [one] = services;
    if (one === undefined) throw new Error("unreachable: there are two");
    const { forge } = twin;
    const repository = await digits(forge, { "pipelines/sum.yaml": NOTHING_BY_ITSELF });
    const push = (plus: number): Promise<string> =>
      forge.commit(repository, {
        branch: "more",
        files: { "params.yaml": `plus: ${plus}\n` },
        message: `${plus}`,
        login: "alice",
      });
    await push(2);
    const pull = await forge.openPull(repository, { branch: "more", title: "More", login: "alice" });
    const { id, fullName, installation } = repository;
    const payload = { kind: "pull-request", repository: { id, fullName, installation }, number: pull.number };
    // Jobs of other names stand beside each other: each controller takes some of them.
    const wake = (round: number): Promise<void> =>
      one.queue.jobs.add(
        "controller",
        Array.from({ length: 8 }, (_, nth) => ({
          id: `wake-${round}-${nth}`,
          payload: { ...payload, because: "it was woken" },
        })),
      );
    for (let round = 3; round <= 6; round++) {
      await push(round);
      await wake(round);
    }
    const own = () => (repository.comments.get(pull.number) ?? []).filter(({ app }) => app !== null);
    await until(() => own()[0]?.body.includes("1 → **6**") === true, 60_000);
    await until(async () => {
      const { waiting, active } = await one.queue.jobs.counts("controller");
      return waiting + active === 0;
    }, 60_000);
    await until(async () => (await one.queue.table.entries(`outbox/${installation}`)).length === 0, 60_000);
    expect(own()).toHaveLength(1);
    expect(own()[0]?.body).toContain("1 → **6**");
    const made = twin.exchanges.filter(({ call }) => call.method === "POST" && call.path.endsWith("/comments"));
    expect(made).toHaveLength(1);
    const checks = repository.checks.filter(({ head, name }) => head === pull.head && name === "sluice / plan");
    expect(checks).toHaveLength(1);
  },
);
