import { join } from "node:path";

import { clusterHere } from "../../src/executor/kubernetes-cluster.ts";
import { kubernetesExecutor } from "../../src/executor/kubernetes-executor.ts";
import type { KubernetesPool } from "../../src/pipeline/operator.ts";
import type { Environment } from "../../src/pipeline/pipeline.ts";

/** A process of its own to be killed: `kubernetes-child.ts <directory> <pool> <environment>`, with a step that sleeps. */
const [directory = "", pool = "", environment = ""] = process.argv.slice(2);

const asked = JSON.parse(pool) as KubernetesPool;
const here = await clusterHere(asked.namespace);
if (here.kind !== "cluster") throw new Error(JSON.stringify(here));
const executor = kubernetesExecutor(here.cluster, {
  onError: (error: unknown) => process.stderr.write(`${String(error)}\n`),
  pool: asked,
  data: directory,
  directory: join(directory, "work"),
  slots: 1,
  materialize: () => Promise.resolve({ kind: "missing" }),
});
const attempt = await executor.start(
  {
    id: "doomed",
    argv: ["/bin/sh", "-c", "setsid sleep 304 & sleep 304"],
    env: {},
    inputs: [],
    outputs: [],
    network: false,
    secrets: {},
    environment: JSON.parse(environment) as Environment,
    tools: {},
    timeoutMs: null,
    memoryBytes: null,
  },
  new AbortController().signal,
);
await attempt.ended;
