import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, describe, expect, onTestFinished, test, type TestContext } from "vitest";

import { ownEnvironments } from "../../src/executor/environment.ts";
import type { Attempt, AttemptEnd, AttemptOrder, Executor } from "../../src/executor/executor.ts";
import { askSlurm } from "../../src/executor/slurm-command.ts";
import { slurmExecutor } from "../../src/executor/slurm-executor.ts";
import { digestOf } from "../../src/identity/identity.ts";
import { executorContract } from "../contract/executor.ts";
import { until } from "../contract/queue.ts";
import { noSlurm, startSlurm, type SlurmCluster } from "./slurm-cluster.ts";

const why = noSlurm();
if (why !== undefined) process.stderr.write(`skipped: steps as jobs of Slurm, because ${why}\n`);

const launcherPath = new URL("../../src/launcher.ts", import.meta.url).pathname;
type Options = Parameters<typeof slurmExecutor>[0];

function open(directory: string, more: Partial<Options> = {}): Executor {
  return slurmExecutor({
    onError: (error: unknown) => process.stderr.write(`${String(error)}\n`),
    directory: join(directory, "work"),
    sandbox: "auto",
    slots: 2,
    environments: ownEnvironments(directory),
    materialize: () => Promise.resolve({ kind: "missing", digest: digestOf("") }),
    launcherPath,
    path: process.env["PATH"] ?? "",
    everyMs: 100,
    ...more,
  });
}

/** `finished`: of the test itself where several run beside each other. */
function bench(
  more: Partial<Options> = {},
  finished: TestContext["onTestFinished"] = onTestFinished,
): { readonly directory: string; readonly executor: Executor } {
  const directory = mkdtempSync(join(tmpdir(), "sluice-slurm-step-"));
  const executor = open(directory, more);
  finished(async () => {
    await executor[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });
  return { directory, executor };
}

let count = 0;

function orderOf(script: string, more: Partial<AttemptOrder> = {}): AttemptOrder {
  return {
    id: `attempt-${++count}`,
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
    batch: { system: "slurm", cpus: 1, gpus: 0 },
    ...more,
  };
}

interface Ran {
  readonly end: AttemptEnd;
  readonly log: string;
  readonly attempt: Attempt;
}

async function run(
  { onTestFinished: finished }: Pick<TestContext, "onTestFinished">,
  script: string,
  order: Partial<AttemptOrder> = {},
  more: Partial<Options> = {},
): Promise<Ran> {
  const { executor } = bench(more, finished);
  const attempt = await executor.start(orderOf(script, order), new AbortController().signal);
  const end = await attempt.ended;
  return { end, log: readFileSync(attempt.log, "utf8"), attempt };
}

/** Numbers of the jobs that wait or run. */
async function jobs(): Promise<readonly string[]> {
  const { stdout } = await askSlurm("squeue", ["--noheader", "--format=%i"]);
  return stdout.split("\n").filter((line) => line !== "");
}

function sleepers(): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8") === "sleep\u0000303\u0000";
    } catch {
      return false;
    }
  });
}

const TREE = "setsid sleep 303 & sh -c 'trap \"\" TERM; sleep 303' & wait";

describe.skipIf(why !== undefined)("as a job of Slurm", () => {
  let cluster: SlurmCluster | undefined;

  beforeAll(async () => {
    cluster = await startSlurm();
    process.env["SLURM_CONF"] = cluster.conf;
  });

  afterAll(() => cluster?.close());

  // Each of twelve attempts that waits for another one's end waits for a second more: jobs begin once a second.
  executorContract((directory) => open(directory, { slots: 6 }));

  test("a step that runs and is cancelled is gone with its whole tree within five seconds", async () => {
    const controller = new AbortController();
    const attempt = await bench().executor.start(orderOf(TREE), controller.signal);
    await until(() => sleepers().length === 2);
    controller.abort();
    await until(() => sleepers().length === 0, 5_000);
    expect(await attempt.ended).toMatchObject({ cancelled: true });
    expect(await jobs()).toEqual([]);
  });

  test("a cancel that Slurm did not hear is said again", async () => {
    const directory = mkdtempSync(join(tmpdir(), "sluice-deaf-"));
    const path = process.env["PATH"] ?? "";
    onTestFinished(() => {
      process.env["PATH"] = path;
      rmSync(directory, { recursive: true, force: true });
    });
    const [deaf, told] = [join(directory, "scancel"), join(directory, "told")];
    const script = `#!/bin/sh\n[ -e ${told} ] || { touch ${told}; exit 1; }\nPATH="${path}" exec scancel "$@"\n`;
    writeFileSync(deaf, script, { mode: 0o755 });
    process.env["PATH"] = `${directory}:${path}`;
    const controller = new AbortController();
    const attempt = await bench().executor.start(orderOf("sleep 303"), controller.signal);
    await until(() => sleepers().length === 1);
    controller.abort();
    expect(await attempt.ended).toMatchObject({ cancelled: true });
    expect([existsSync(told), await jobs()]).toEqual([true, []]);
  });

  test("a job whose worker was killed is cancelled by the next that starts, another service's is not", async () => {
    const directory = mkdtempSync(join(tmpdir(), "sluice-slurm-step-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const child = new URL("./slurm-child.ts", import.meta.url).pathname;
    const worker = spawn(process.execPath, [child, directory, launcherPath], { stdio: "inherit" });
    await until(() => sleepers().length === 2);
    const gone = new Promise((resolve) => worker.once("close", resolve));
    worker.kill("SIGKILL");
    await gone;
    await bench().executor[Symbol.asyncDispose]();
    expect(await jobs()).toHaveLength(1);
    await open(directory)[Symbol.asyncDispose]();
    await until(() => sleepers().length === 0, 5_000);
    await until(async () => (await jobs()).length === 0);
    await open(directory)[Symbol.asyncDispose]();
    expect(readdirSync(join(directory, "work"))).toEqual([]);
  });

  test("a step that somebody else cancels is lost, not failed", async () => {
    const attempt = await bench().executor.start(orderOf("sleep 303"), new AbortController().signal);
    await until(() => sleepers().length === 1);
    await askSlurm("scancel", await jobs());
    expect((await attempt.ended).failure).toMatchObject({ kind: "lost" });
  });

  test("a secret is in no script, no file that stays, no environment of Slurm and no log", async () => {
    const secrets = { TOKEN: "correct-horse-battery" };
    const { executor } = bench();
    const order = orderOf('echo "it is $TOKEN"; sleep 303', { secrets });
    const controller = new AbortController();
    const attempt = await executor.start(order, controller.signal);
    await until(() => sleepers().length === 1);
    const [job = ""] = await jobs();
    const told = await Promise.all([
      askSlurm("scontrol", ["show", "job", "--details", job]),
      askSlurm("scontrol", ["write", "batch_script", job, "-"]),
    ]);
    expect(told.map(({ code }) => code)).toEqual([0, 0]);
    const root = dirname(attempt.workspace);
    const files = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isFile());
    const texts = files.map(({ name }) => readFileSync(join(root, name), "utf8"));
    expect(JSON.stringify([told, texts])).not.toContain("correct-horse");
    controller.abort();
    await attempt.ended;
    const log = readFileSync(attempt.log, "utf8");
    expect([log.includes("it is"), log.includes("correct-horse")]).toEqual([true, false]);
  });

  // A job begins with the next second: what waits for nothing but its own jobs need not wait for the others too.
  describe.concurrent("beside others", () => {
    test("what the cluster does not have is refused in Slurm's words", async (context) => {
      const { end } = await run(context, "true", { memoryBytes: 2 ** 42 });
      expect(end.failure).toMatchObject({ kind: "refused", why: expect.stringContaining("Slurm takes no such job") });
    });

    test("memory ran out is said only where Slurm says so", async (context) => {
      const { end } = await run(context, "head -c 900000000 /dev/zero | tail -c 899999999 | wc -c; sleep 5", {
        memoryBytes: 32 * 1_024 * 1_024,
      });
      expect(end.failure).toEqual({ kind: "signal", signal: "SIGKILL" });
    });

    test("versions are those of the node", async (context) => {
      const [shell, { end }] = await Promise.all([
        run(context, "true", { tools: { sh: "1.0" } }),
        run(context, "true", { tools: { bash: "999" } }),
      ]);
      expect(shell.end.failure).toMatchObject({ kind: "environment", name: "sh" });
      expect(end.failure).toMatchObject({ kind: "environment", name: "bash", found: expect.stringMatching(/^\d+\./) });
      const [found = ""] = /\d+/.exec(end.failure?.kind === "environment" ? end.failure.found : "") ?? [];
      expect((await run(context, "echo ran", { tools: { bash: found } })).log).toBe("ran\n");
    });

    test("a step gets the devices that Slurm gives it, and others none", async (context) => {
      const script = 'echo "devices: ${CUDA_VISIBLE_DEVICES-none}"';
      const [one, none] = await Promise.all([
        run(context, script, { batch: { system: "slurm", cpus: 1, gpus: 1 } }),
        run(context, script),
      ]);
      expect([one.log, none.log]).toEqual(["devices: 0\n", "devices: none\n"]);
    });

    test("without a sandbox it says so, and data in place is reached by a link", async (context) => {
      const { directory } = bench({}, context.onTestFinished);
      const source = join(directory, "data.txt");
      writeFileSync(source, "in place\n");
      const inputs = [{ kind: "in-place" as const, path: "in/data.txt", source }];
      const [inside, plain] = await Promise.all([
        run(context, "cat in/data.txt", { inputs }),
        run(context, "cat in/data.txt", { inputs }, { sandbox: "off" }),
      ]);
      expect([inside.log, inside.attempt.isolation]).toEqual(["in place\n", "sandbox"]);
      expect([plain.log, plain.attempt.isolation]).toEqual(["in place\n", "workspace"]);
    });
  });
});
