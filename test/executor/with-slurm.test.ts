import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { ownEnvironments } from "../../src/executor/environment.ts";
import { neverBegun } from "../../src/executor/attempt-end.ts";
import type { Executor } from "../../src/executor/executor.ts";
import { strangerExecutor } from "../../src/executor/stranger-executor.ts";
import { withSlurm } from "../../src/executor/with-slurm.ts";

const order = {
  id: "one",
  argv: ["true"],
  env: {},
  inputs: [],
  outputs: [],
  network: false,
  secrets: {},
  environment: { kind: "system" },
  tools: {},
  timeoutMs: null,
  memoryBytes: null,
} as const;
const batch = { system: "slurm", cpus: 1, gpus: 0 } as const;

function place(): string {
  const directory = mkdtempSync(join(tmpdir(), "sluice-slurm-none-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function failure(executor: Executor, more: { readonly batch?: typeof batch }): Promise<unknown> {
  const attempt = await executor.start({ ...order, ...more }, new AbortController().signal);
  return (await attempt.ended).failure;
}

test("where no job can be submitted, a step that asks for one is told what to do, and others run as before", async () => {
  const directory = place();
  const plain: Executor = {
    isolation: "workspace",
    why: "",
    ahead: 1,
    start: () => Promise.resolve(neverBegun({ kind: "exit", code: 9 })),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const executor = withSlurm(plain, {
    onError: (error: unknown) => process.stderr.write(`${String(error)}\n`),
    directory,
    sandbox: "auto",
    slots: 1,
    environments: ownEnvironments(directory),
    materialize: () => Promise.resolve({ kind: "missing" }),
    launcherPath: "",
    path: directory,
    stays: true,
  });
  expect(await failure(executor, { batch })).toMatchObject({
    kind: "refused",
    why: expect.stringContaining("`sbatch`"),
  });
  expect(await failure(executor, {})).toEqual({ kind: "exit", code: 9 });
  await executor[Symbol.asyncDispose]();
});

test("nothing of a fork becomes a job", async () => {
  const materialize = (): Promise<{ kind: "missing" }> => Promise.resolve({ kind: "missing" });
  const executor = strangerExecutor({ directory: place(), materialize, launcherPath: "" });
  expect(await failure(executor, { batch })).toMatchObject({ kind: "refused", why: expect.stringContaining("Slurm") });
});
