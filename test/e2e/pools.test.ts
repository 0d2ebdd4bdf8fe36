import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { removeTree } from "../../src/executor/remove-tree.ts";
import { systemClock } from "../../src/clock/system-clock.ts";
import { servicePaths } from "../../src/main/serve/paths.ts";
import { startWorker } from "../../src/main/serve/worker.ts";
import { begunAttempts } from "../../src/store/begun-attempts.ts";
import { fileCheckpoints } from "../../src/store/checkpoints.ts";
import { filesystemStore } from "../../src/store/filesystem-store.ts";
import { digits } from "./repositories.ts";
import { gitIn, town } from "./town.ts";

const OPERATOR = `version: 1
pools:
  default: { concurrency: 2 }
  gpu: { concurrency: 1, on: [push], platform: linux-x64-gpu, accelerator: cuda-12.4-sm90 }
`;

const PIPELINE = `version: 1
name: sum
params: params.yaml
steps:
  add:
    run: sh add.sh
    inputs: [add.sh, data.txt]
    params: [plus]
    outputs: [sum.txt]
    metrics: [metrics.json]
    resources: { pool: gpu }
metrics:
  total: { step: add, goal: higher }
`;

const SECRET = `version: 1
name: guarded
steps:
  fetch: { run: 'echo "$TOKEN" > out', secrets: [TOKEN], outputs: [out] }
`;

test(
  "a pool is a request: its workers take what the rules grant, and the rest is refused with the line to add",
  {
    timeout: 120_000,
  },
  async () => {
    const place = await town({ operator: OPERATOR });
    const { twin, directory, service } = place;
    const until: typeof place.until = (what, fact) => place.until(what, fact);
    const data = join(directory, "data");
    const worker = await startWorker({
      queue: service.queue,
      store: filesystemStore(servicePaths(data).store),
      begun: begunAttempts(servicePaths(data).store),
      checkpoints: fileCheckpoints(join(data, "checkpoints"), removeTree),
      clock: systemClock(),
      data,
      path: process.env["PATH"] ?? "",
      pool: "gpu",
      version: "test",
      concurrency: 1,
      kubernetes: null,
      variable: () => undefined,
      onError: () => undefined,
    });
    onTestFinished(() => worker[Symbol.asyncDispose]());
    const { forge } = twin;
    const repository = await digits(forge, { "pipelines/sum.yaml": PIPELINE, "pipelines/guarded.yaml": SECRET });
    const ledger = (): Promise<string> =>
      gitIn(repository.directory, "log", "--format=%s", "sluice/ledger", "--").catch(() => "");
    await until("the worker of the pool has run it", async () => /^sum: succeeded/m.test(await ledger()));
    await until("the secret is refused", async () => /^guarded: refused/m.test(await ledger()));
    // The key names the pool's machine, not this one.
    const keys = await gitIn(repository.directory, "grep", "-h", "accelerator", "sluice/ledger", "--", "keys");
    expect(keys).toContain('"accelerator":"cuda-12.4-sm90"');
    expect(keys).toContain('"platform":"linux-x64-gpu"');
    const check = () => repository.checks.findLast(({ name }) => name === "sluice / run");
    await until("the merge commit's check says it", () => check()?.conclusion === "failure");
    expect(check()?.output.summary).toContain("secret `TOKEN`, which is not granted");
    expect(check()?.output.summary).toContain('TOKEN: { from: "env:TOKEN", pipelines: [guarded]');
  },
);
