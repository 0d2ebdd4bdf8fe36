import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { describe } from "vitest";

import type { Executor } from "../../src/executor/executor.ts";
import { processExecutor } from "../../src/executor/process-executor.ts";
import { executorContract } from "../contract/executor.ts";

const LAUNCHER = join(import.meta.dirname, "../../src/launcher.ts");

function open(sandbox: "off" | "require"): (directory: string) => Executor {
  return (directory) => {
    const executor = processExecutor({
      directory: join(directory, "work"),
      sandbox,
      slots: 2,
      project: directory,
      materialize: () => Promise.resolve({ kind: "missing" }),
      launcherPath: LAUNCHER,
      path: process.env["PATH"] ?? "/usr/bin:/bin",
      onDrift: undefined,
    });
    if ("kind" in executor) throw new Error(executor.why);
    return executor;
  };
}

describe("in a directory of its own", () => executorContract(open("off")));

const works = spawnSync("bwrap", ["--ro-bind", "/", "/", "true"]).status === 0;
if (!works) process.stdout.write("skipped: bubblewrap is not installed or may not start here\n");
describe.skipIf(!works)("in a closed sandbox", () => executorContract(open("require")));
