import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { ownEnvironments } from "../../src/executor/environment.ts";
import type { AttemptOrder, Executor, StagedInput } from "../../src/executor/executor.ts";
import { processExecutor } from "../../src/executor/process-executor.ts";
import { digestOf } from "../../src/identity/identity.ts";
import type { Materialize } from "../../src/executor/workspace.ts";
import { executorContract } from "../contract/executor.ts";

const LAUNCHER = join(import.meta.dirname, "../../src/launcher.ts");

function open(
  sandbox: "off" | "require",
  materialize: Materialize = () => Promise.resolve({ kind: "missing" }),
): (directory: string) => Executor {
  return (directory) => {
    const executor = processExecutor({
      directory: join(directory, "work"),
      sandbox,
      slots: 2,
      environments: ownEnvironments(directory),
      materialize,
      launcherPath: LAUNCHER,
      path: process.env["PATH"] ?? "/usr/bin:/bin",
      onDrift: undefined,
    });
    if ("kind" in executor) throw new Error(executor.why);
    return executor;
  };
}

describe("in a directory of its own", () => executorContract(open("off")));

function orderOf(id: number, inputs: readonly StagedInput[]): AttemptOrder {
  return {
    id: `attempt-${id}`,
    argv: ["/bin/sh", "-c", "echo ran"],
    env: {},
    inputs,
    outputs: [],
    network: false,
    secrets: {},
    environment: { kind: "system" },
    tools: {},
    timeoutMs: null,
    memoryBytes: null,
  };
}

test.each([
  ["starts is ready", readFileSync(LAUNCHER, "utf8"), true, []],
  [
    "dies at its start is not, and says why",
    'process.stderr.write("Error: cannot load a library\\n"); process.exit(3);\n',
    false,
    ["Error: no step can be started here: the launcher ended (exit code 3): Error: cannot load a library"],
  ],
])("an executor whose launcher %s", async (_, text, ready, said) => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-launcher-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, "launcher.ts"), text);
  const told: unknown[] = [];
  const executor = processExecutor({
    directory: join(directory, "work"),
    sandbox: "off",
    slots: 1,
    environments: ownEnvironments(directory),
    materialize: () => Promise.resolve({ kind: "missing" }),
    launcherPath: join(directory, "launcher.ts"),
    path: process.env["PATH"] ?? "/usr/bin:/bin",
    onDrift: undefined,
    onError: (error) => told.push(String(error)),
  });
  if ("kind" in executor) throw new Error(executor.why);
  expect(executor.ready()).toBe(false);
  await executor.tried;
  expect(executor.ready()).toBe(ready);
  expect(told).toEqual(said);
  await executor[Symbol.asyncDispose]();
});

test("attempts whose workspaces cannot be made ready keep no slot, and leave nothing behind", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-ready-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const executor = open("off", () => Promise.reject(new Error("a surprise")))(directory);
  const { signal } = new AbortController();
  const file = (path: string): StagedInput => ({ kind: "bytes", path, bytes: new Uint8Array(1), executable: false });
  const stored: StagedInput = { kind: "store", path: "in", entry: "file", digest: digestOf("in") };
  // More often than there are slots.
  for (let nth = 0; nth < executor.ahead + 1; nth++) {
    const attempt = await executor.start(orderOf(nth, [file("in"), file("in/deeper")]), signal);
    expect((await attempt.ended).failure).toMatchObject({
      kind: "lost",
      why: expect.stringMatching(/^its workspace could not be made ready \(E/) as string,
    });
    await attempt.dispose();
    await expect(executor.start(orderOf(nth, [stored]), signal)).rejects.toThrow("a surprise");
  }
  const attempt = await executor.start(orderOf(99, []), signal);
  expect((await attempt.ended).failure).toBeNull();
  await attempt.dispose();
  await executor[Symbol.asyncDispose]();
  expect(readdirSync(join(directory, "work"))).toEqual([]);
});

test("a step that is to run in a sandbox is refused where there is none, and not run", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-walls-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  await using executor = open("off")(directory);
  const marker = join(directory, "ran");
  const order = { ...orderOf(1, []), argv: ["/bin/sh", "-c", `touch ${marker}`], sandbox: "require" as const };

  const attempt = await executor.start(order, new AbortController().signal);

  expect((await attempt.ended).failure).toMatchObject({
    kind: "refused",
    why: expect.stringMatching(
      /^it runs in a sandbox or not at all \(`sandbox: require`\), and steps run in a directory/,
    ) as string,
  });
  await attempt.dispose();
  expect(existsSync(marker)).toBe(false);
});

const works = spawnSync("bwrap", ["--ro-bind", "/", "/", "true"]).status === 0;
if (!works) process.stdout.write("skipped: bubblewrap is not installed or may not start here\n");
describe.skipIf(!works)("in a closed sandbox", () => executorContract(open("require")));
