import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { neverBegun } from "../../src/executor/attempt-end.ts";
import type { AttemptOrder, Executor } from "../../src/executor/executor.ts";
import { strangerExecutor } from "../../src/executor/stranger-executor.ts";
import { withKubernetes } from "../../src/executor/with-kubernetes.ts";
import { digestOf } from "../../src/identity/identity.ts";

const digest = digestOf("image");
const order: AttemptOrder = {
  id: "one",
  argv: ["true"],
  env: {},
  inputs: [],
  outputs: [],
  network: true,
  secrets: {},
  environment: { kind: "image", image: `any@${digest}`, digest },
  tools: {},
  timeoutMs: null,
  memoryBytes: null,
  batch: { system: "kubernetes", cpus: 1, gpus: 0 },
};
const plain: Executor = {
  isolation: "workspace",
  why: "",
  ahead: 1,
  start: () => Promise.resolve(neverBegun({ kind: "exit", code: 9 })),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
const materialize = (): Promise<{ readonly kind: "missing" }> => Promise.resolve({ kind: "missing" });

function place(): string {
  const directory = mkdtempSync(join(tmpdir(), "sluice-kubernetes-none-"));
  const before = process.env["KUBECONFIG"];
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
    if (before === undefined) delete process.env["KUBECONFIG"];
    else process.env["KUBECONFIG"] = before;
  });
  return directory;
}

const told: unknown[] = [];

function inCluster(directory: string): Executor {
  const pool = { namespace: "ml", claim: "c", path: "", gpu: "gpu", pendingMs: 1, nodeSelector: {}, tolerations: [] };
  const onError = (error: unknown): void => void told.push(error);
  const [data, work] = [directory, join(directory, "work")];
  return withKubernetes(plain, { pool, data, directory: work, slots: 1, materialize, onError });
}

/** Of which no server answers. */
function nameCluster(directory: string): void {
  const config = {
    clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:9" } }],
    users: [{ name: "u", user: {} }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  };
  process.env["KUBECONFIG"] = join(directory, "config");
  writeFileSync(join(directory, "config"), JSON.stringify(config));
}

async function failure(executor: Executor, asked: AttemptOrder): Promise<unknown> {
  await using started = executor;
  const attempt = await started.start(asked, new AbortController().signal);
  const { failure: why } = await attempt.ended;
  await attempt.dispose();
  return why;
}

test("where no cluster is named, a step that asks for a Job is told what to do, and others run as before", async () => {
  expect(await failure(withKubernetes(plain, null), order)).toMatchObject({ kind: "refused" });
  const { batch: _, ...other } = order;
  expect(await failure(withKubernetes(plain, null), other)).toEqual({ kind: "exit", code: 9 });
  const directory = place();
  process.env["KUBECONFIG"] = join(directory, "none");
  expect(await failure(inCluster(directory), order)).toMatchObject({
    kind: "refused",
    why: expect.stringContaining("no cluster is named here"),
  });
});

test("an API server that is not there makes a step lost, not failed", async () => {
  const directory = place();
  nameCluster(directory);
  expect(await failure(inCluster(directory), order)).toMatchObject({ kind: "lost" });
});

test("a directory that could not be opened is told of, ends nothing, and is opened for the next step", async () => {
  const directory = place();
  nameCluster(directory);
  const work = join(directory, "work");
  writeFileSync(work, "in the way");
  const executor = inCluster(directory);
  await expect(executor.start(order, new AbortController().signal)).rejects.toThrow("EEXIST");
  expect(told).toEqual([expect.objectContaining({ code: "EEXIST" })]);
  rmSync(work);
  expect(await failure(executor, order)).toMatchObject({ kind: "lost" });
});

test("nothing of a fork becomes a Job", async () => {
  const executor = strangerExecutor({ directory: place(), materialize, launcherPath: "" });
  expect(await failure(executor, order)).toMatchObject({
    kind: "refused",
    why: expect.stringContaining("Kubernetes"),
  });
});
