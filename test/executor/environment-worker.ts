import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import { builtEnvironments, type BuiltEnvironments } from "../../src/executor/built-environments.ts";
import { processExecutor } from "../../src/executor/process-executor.ts";
import { digestOf } from "../../src/identity/identity.ts";
import type { Environment } from "../../src/pipeline/pipeline.ts";
import type { Failure } from "../../src/run/run-record.ts";

const LAUNCHER = join(import.meta.dirname, "../../src/launcher.ts");
export const VENV: Environment = { kind: "venv", path: ".venv", lock: "requirements.txt" };
export const PATH = process.env["PATH"] ?? "/usr/bin:/bin";
const sandboxed = spawnSync("bwrap", ["--ro-bind", "/", "/", "true"]).status === 0;

export interface Worker {
  readonly environments: BuiltEnvironments;
  readonly run: (lock: string, script: string, more?: { environment?: Environment; tools?: object }) => Promise<Ran>;
}

interface Ran {
  readonly failure: Failure | null;
  readonly log: string;
}

let attempts = 0;

/** A worker's executor over environments that it builds in `directory`. */
export function worker(directory: string, variables: Readonly<Record<string, string>> = {}, path = PATH): Worker {
  const locks = new Map<string, Uint8Array>();
  const environments = builtEnvironments({
    directory: join(directory, "environments"),
    path,
    read: (lock) => Promise.resolve(locks.get(lock)),
    variable: (name) => variables[name],
    sandboxed,
  });
  const executor = processExecutor({
    directory: mkdtempSync(join(directory, "work-")),
    sandbox: sandboxed ? "require" : "off",
    slots: 2,
    environments,
    materialize: () => Promise.resolve({ kind: "missing" }),
    launcherPath: LAUNCHER,
    path,
    onDrift: undefined,
  });
  if ("kind" in executor) throw new Error(executor.why);
  onTestFinished(async () => {
    await executor[Symbol.asyncDispose]();
    await environments[Symbol.asyncDispose]();
  });
  return {
    environments,
    async run(lock, script, { environment = VENV, tools = {} } = {}) {
      const bytes = new TextEncoder().encode(lock);
      locks.set(digestOf(bytes), bytes);
      const attempt = await executor.start(
        {
          id: `attempt-${++attempts}`,
          argv: ["/bin/sh", "-c", script],
          env: {},
          inputs: [],
          outputs: [],
          network: false,
          secrets: {},
          environment,
          lock: digestOf(bytes),
          tools: tools as Readonly<Record<string, string>>,
          timeoutMs: null,
          memoryBytes: null,
        },
        new AbortController().signal,
      );
      const { failure } = await attempt.ended;
      const log = existsSync(attempt.log) ? readFileSync(attempt.log, "utf8") : "";
      await attempt.dispose();
      return { failure, log };
    },
  };
}

export function place(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "sluice-built-")));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Names of the environments that steps find. */
export function published(directory: string): readonly string[] {
  const at = join(directory, "environments");
  return readdirSync(at).filter((name) => lstatSync(join(at, name)).isSymbolicLink());
}
