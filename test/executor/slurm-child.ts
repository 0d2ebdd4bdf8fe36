import { join } from "node:path";

import { ownEnvironments } from "../../src/executor/environment.ts";
import { slurmExecutor } from "../../src/executor/slurm-executor.ts";

/** A process of its own to be killed: `slurm-child.ts <directory> <launcher>`, with a step that sleeps. */
const [directory = "", launcherPath = ""] = process.argv.slice(2);

const executor = slurmExecutor({
  onError: (error: unknown) => process.stderr.write(`${String(error)}\n`),
  directory: join(directory, "work"),
  sandbox: "auto",
  slots: 1,
  environments: ownEnvironments(directory),
  materialize: () => Promise.resolve({ kind: "missing" }),
  launcherPath,
  path: process.env["PATH"] ?? "",
});
const attempt = await executor.start(
  {
    id: "doomed",
    argv: ["/bin/sh", "-c", "setsid sleep 303 & sleep 303"],
    env: {},
    inputs: [],
    outputs: [],
    network: false,
    secrets: {},
    environment: { kind: "system" },
    tools: {},
    timeoutMs: null,
    memoryBytes: null,
  },
  new AbortController().signal,
);
await attempt.ended;
