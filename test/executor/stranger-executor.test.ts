import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import type { AttemptOrder, Executor, StagedInput } from "../../src/executor/executor.ts";
import { strangerExecutor } from "../../src/executor/stranger-executor.ts";
import { canMount } from "../chaos/small-disk.ts";
import { executorContract } from "../contract/executor.ts";

const LAUNCHER = join(import.meta.dirname, "../../src/launcher.ts");

function open(directory: string): Executor {
  return strangerExecutor({
    directory: join(directory, "work"),
    materialize: () => Promise.resolve({ kind: "missing" }),
    launcherPath: LAUNCHER,
  });
}

function place(): string {
  const directory = mkdtempSync(join(tmpdir(), "sluice-stranger-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function ran(
  executor: Executor,
  script: string,
  more: Partial<AttemptOrder> = {},
): Promise<{ readonly failure: unknown; readonly log: string }> {
  const order: AttemptOrder = {
    id: "one",
    argv: ["/bin/sh", "-c", script],
    env: {},
    inputs: [],
    outputs: [],
    network: false,
    secrets: {},
    environment: { kind: "system" },
    tools: {},
    timeoutMs: null,
    memoryBytes: null,
    ...more,
  };
  const attempt = await executor.start(order, new AbortController().signal);
  const { failure } = await attempt.ended;
  const log = existsSync(attempt.log) ? readFileSync(attempt.log, "utf8") : "";
  await attempt.dispose();
  return { failure, log };
}

const works = spawnSync("bwrap", ["--ro-bind", "/", "/", "true"]).status === 0;
if (!works) process.stdout.write("skipped: bubblewrap is not installed or may not start here\n");

describe.skipIf(!works)("what strangers wrote", () => {
  executorContract(open);

  test("runs in a sandbox that is made for it and gone with it", async () => {
    const directory = place();
    const executor = open(directory);
    const first = await ran(executor, "echo here > /tmp/left; echo here > $HOME/left; echo here > left; echo ran");
    expect(first).toEqual({ failure: null, log: "ran\n" });
    expect(readdirSync(join(directory, "work"))).toEqual([]);
    expect((await ran(executor, "ls -A /tmp $HOME .")).log).not.toContain("left");
  });

  test("leaves nothing where its workspace could not be made ready", async () => {
    const directory = place();
    const executor = open(directory);
    const file = (path: string): StagedInput => ({ kind: "bytes", path, bytes: new Uint8Array(1), executable: false });
    const { failure } = await ran(executor, "echo ran", { inputs: [file("in"), file("in/deeper")] });
    expect(failure).toMatchObject({ kind: "lost" });
    expect(readdirSync(join(directory, "work"))).toEqual([]);
    await executor[Symbol.asyncDispose]();
  });

  test("is shown nothing of the machine's own environments", async () => {
    const directory = place();
    mkdirSync(join(directory, ".venv", "bin"), { recursive: true });
    writeFileSync(join(directory, ".venv", "bin", "python"), "#!/bin/sh\necho here\n", { mode: 0o755 });
    const environment = { kind: "venv", path: ".venv", lock: null } as const;
    expect((await ran(open(directory), "python", { environment })).failure).toMatchObject({
      kind: "refused",
      why: "it asks for `environment: { venv: … }`, and nothing is installed for a fork",
    });
  });

  test("is shown nothing of what stands beside the programs of the worker's PATH", async () => {
    const directory = place();
    const prefix = join(directory, "tool");
    mkdirSync(join(prefix, "bin"), { recursive: true });
    writeFileSync(join(prefix, "bin", "mine"), "#!/bin/sh\necho ran\n", { mode: 0o755 });
    writeFileSync(join(prefix, "credentials"), "correct-horse\n");
    const before = process.env["PATH"];
    process.env["PATH"] = `${prefix}/bin:${before ?? ""}`;
    onTestFinished(() => void (process.env["PATH"] = before));
    const { failure, log } = await ran(open(directory), `cat ${prefix}/credentials; mine; echo "PATH is $PATH"`);
    expect(failure).toBeNull();
    expect(log).not.toContain("correct-horse");
    expect(log).not.toMatch(/^ran$/m);
    expect(log).toContain("PATH is /usr/local/bin:/usr/bin:/bin\n");
  });

  test("gets neither network nor secrets, whoever says that it may", async () => {
    const executor = open(place());
    const reaches = "echo ran";
    expect((await ran(executor, reaches, { network: true })).failure).toMatchObject({
      kind: "refused",
      why: "it asks for the network, and nothing of a fork gets that",
    });
    expect((await ran(executor, reaches, { secrets: { TOKEN: "x" } })).failure).toMatchObject({ kind: "refused" });
  });
});

test("where there is no bubblewrap, what strangers wrote is refused and not run", async () => {
  const directory = place();
  const path = join(directory, "path");
  mkdirSync(path);
  for (const program of ["sh", "touch"]) symlinkSync(`/bin/${program}`, join(path, program));
  const before = process.env["PATH"];
  process.env["PATH"] = path;
  onTestFinished(() => void (process.env["PATH"] = before));
  const marker = join(directory, "ran");
  expect((await ran(open(directory), `touch ${marker}`)).failure).toEqual({
    kind: "refused",
    why: "what a fork brings runs in a sandbox only, and there is none here (`sandbox: require`, but bubblewrap is not installed)",
    next: "install bubblewrap where the workers of this pool are",
  });
  expect(existsSync(marker)).toBe(false);
});

test.skipIf(!canMount())(
  `of an attempt that could not begin nothing is left${canMount() ? "" : " (skipped: nothing can be mounted here)"}`,
  async () => {
    const directory = place();
    // The root of the disk and three directories: not enough for a workspace.
    spawnSync("mount", ["-t", "tmpfs", "-o", "nr_inodes=4", "tmpfs", directory]);
    onTestFinished(() => void spawnSync("umount", [directory]));
    const executor = strangerExecutor({
      directory,
      materialize: () => Promise.resolve({ kind: "missing" }),
      launcherPath: LAUNCHER,
    });
    onTestFinished(() => executor[Symbol.asyncDispose]());

    await expect(ran(executor, "true")).rejects.toThrow("ENOSPC");

    expect(readdirSync(directory)).toEqual([]);
  },
);
