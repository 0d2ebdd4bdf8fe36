import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { ownEnvironments } from "../../src/executor/environment.ts";
import { processExecutor } from "../../src/executor/process-executor.ts";

/**
 * Steps one after the other in one slot, in a process that need not be root's: `hostile-child.ts <directory> <sandbox>
 * <scripts>`; says how each ended, with its log and what it wrote undeclared.
 */
const [directory = "", sandbox = "", scripts = ""] = process.argv.slice(2);

const executor = processExecutor({
  directory: join(directory, "work"),
  sandbox: sandbox === "off" ? "off" : "require",
  slots: 1,
  environments: ownEnvironments(directory),
  materialize: () => Promise.resolve({ kind: "missing" }),
  launcherPath: join(import.meta.dirname, "../../src/launcher.ts"),
  path: "/usr/bin:/bin",
  onDrift: undefined,
});
if ("kind" in executor) throw new Error(executor.why);
const said: object[] = [];
for (const script of JSON.parse(scripts) as readonly string[]) {
  const attempt = await executor.start(
    {
      id: `attempt-${said.length}`,
      argv: ["/bin/sh", "-c", script],
      env: {},
      inputs: [],
      outputs: [{ path: "out/result.txt", directory: false }],
      network: false,
      secrets: {},
      environment: { kind: "system" },
      tools: {},
      timeoutMs: null,
      memoryBytes: null,
    },
    new AbortController().signal,
  );
  const { failure } = await attempt.ended;
  const log = existsSync(attempt.log) ? readFileSync(attempt.log, "utf8") : null;
  const undeclared = failure === null ? await attempt.undeclared() : [];
  said.push({ failure, log, undeclared: undeclared.map((path) => path.slice(0, 20)) });
  await attempt.dispose();
}
await executor[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify(said));
