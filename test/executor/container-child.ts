import { join } from "node:path";

import type { Engine } from "../../src/executor/container-engine.ts";
import { containerExecutor } from "../../src/executor/container-executor.ts";
import type { Environment } from "../../src/pipeline/pipeline.ts";

/** A process of its own to be killed: `container-child.ts <directory> <engine> <environment>`, with a step that sleeps. */
const [directory = "", engine = "", environment = ""] = process.argv.slice(2);

const executor = containerExecutor({
  engine: JSON.parse(engine) as Engine,
  directory: join(directory, "work"),
  slots: 1,
  materialize: () => Promise.resolve({ kind: "missing" }),
});
const attempt = await executor.start(
  {
    id: "doomed",
    argv: ["/bin/sh", "-c", "setsid sleep 302 & sleep 302"],
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
