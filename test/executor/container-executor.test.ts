import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, onTestFinished, test } from "vitest";

import { ask } from "../../src/executor/container-engine.ts";
import { containerExecutor } from "../../src/executor/container-executor.ts";
import type { AttemptEnd, AttemptOrder, Executor } from "../../src/executor/executor.ts";
import { digestOf, hexOf } from "../../src/identity/identity.ts";
import { executorContract } from "../contract/executor.ts";
import { until } from "../contract/queue.ts";
import { containers, type Containers } from "./container-image.ts";

const there = containers();
if (typeof there === "string") process.stderr.write(`skipped: steps in containers, because ${there}\n`);

function inPodman(made: Containers): void {
  const { engine, environment } = made;
  afterAll(() => made.close());

  function open(directory: string, pull = true): Executor {
    const materialize = (): Promise<{ kind: "missing"; digest: ReturnType<typeof digestOf> }> =>
      Promise.resolve({ kind: "missing", digest: digestOf("") });
    return containerExecutor({ engine, directory: join(directory, "work"), slots: 2, materialize, pull });
  }

  async function run(
    script: string,
    { pull, ...more }: Partial<AttemptOrder> & { readonly pull?: boolean } = {},
  ): Promise<{ end: AttemptEnd; log: string }> {
    const directory = mkdtempSync(join(tmpdir(), "sluice-container-"));
    const executor = open(directory, pull);
    onTestFinished(async () => {
      await executor[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    });
    const order = {
      id: "attempt",
      argv: ["/bin/sh", "-c", script],
      env: {},
      inputs: [],
      outputs: [],
      network: false,
      secrets: {},
      environment,
      tools: {},
      timeoutMs: null,
      memoryBytes: null,
      ...more,
    };
    const attempt = await executor.start(order, new AbortController().signal);
    expect(attempt.isolation).toBe("container");
    const end = await attempt.ended;
    const log = readFileSync(attempt.log, "utf8");
    await attempt.dispose();
    return { end, log };
  }

  executorContract((directory) => open(directory), { environment });

  describe("a container", () => {
    test("of an image that is not here asks no registry for it where none may be asked", async () => {
      let asked = 0;
      const registry = createServer((socket) => {
        asked++;
        socket.destroy();
      });
      await new Promise<void>((resolve) => registry.listen(0, "127.0.0.1", resolve));
      onTestFinished(() => void registry.close());
      const { port } = registry.address() as AddressInfo;
      const digest = digestOf("no image");
      const image = { kind: "image", image: `127.0.0.1:${port}/any@${digest}`, digest } as const;
      const { end } = await run("true", { environment: image, pull: false });
      expect([end.failure?.kind, asked]).toEqual(["refused", 0]);
    });

    test("has no network, no capabilities, and a root that nobody writes to", async () => {
      const { end, log } = await run(
        "ls /sys/class/net; grep -E 'CapEff|NoNewPrivs' /proc/self/status; touch /etc/x 2>&1 || echo refused",
      );
      expect(end.failure).toBeNull();
      expect(log).toMatch(/^lo\nCapEff:\s+0+\nNoNewPrivs:\s+1\n/);
      expect(log).toContain("refused");
    });

    test(
      "holds a step to its memory, and `oom` is said only where the engine says so",
      { timeout: 60_000 },
      async () => {
        const bytes = 32 * 1_024 * 1_024;
        const script = "head -c 200000000 /dev/zero | tail -c 199999999 | wc -c; exit 9";
        const { end, log } = await run(script, { memoryBytes: bytes });
        expect(log).not.toContain("199999999");
        if (end.failure?.kind === "oom") expect(end.failure.limitBytes).toBe(bytes);
        // The kernel chooses whom it kills, the program or the shell around it.
        else
          expect([
            { kind: "exit", code: 9 },
            { kind: "signal", signal: "SIGKILL" },
          ]).toContainEqual(end.failure);
        expect(existsSync("oom"), "left by podman's monitor").toBe(false);
      },
    );

    test("shows no secret in its log", async () => {
      const { log } = await run('echo "it is $TOKEN"', { secrets: { TOKEN: "correct-horse-battery" } });
      expect(log).not.toContain("correct-horse");
      expect(log).toContain("it is");
    });

    test("gets a secret of several words and lines whole, and no command of the engine shows it", async () => {
      const directory = mkdtempSync(join(tmpdir(), "sluice-engine-"));
      const path = process.env["PATH"] ?? "";
      onTestFinished(() => {
        process.env["PATH"] = path;
        rmSync(directory, { recursive: true, force: true });
      });
      const told = join(directory, "told");
      const engine = `#!/bin/sh\nprintf '%s\\n' "$@" >>${told}\nPATH="${path}" exec podman "$@"\n`;
      writeFileSync(join(directory, "podman"), engine, { mode: 0o755 });
      process.env["PATH"] = `${directory}:${path}`;
      const TOKEN = "correct horse\nbattery staple";
      const { log } = await run('printf %s "$TOKEN" | sha256sum; echo "$A"', {
        secrets: { TOKEN },
        env: { A: "b c" },
      });
      expect(log).toBe(`${hexOf(digestOf(TOKEN))}  -\nb c\n`);
      const commands = readFileSync(told, "utf8");
      expect([commands.includes("--env\nTOKEN\n"), /horse|battery/.test(commands)]).toEqual([true, false]);
    });

    test("is made of the image that the digest names, or not at all", { timeout: 60_000 }, async () => {
      const digest = digestOf("no such image");
      const image = `localhost/sluice-test@${digest}`;
      const { end } = await run("true", { environment: { kind: "image", image, digest } });
      expect(end.failure).toMatchObject({ kind: "refused", next: `podman pull ${image}` });
      expect((await run("true", { environment: { kind: "system" } })).end.failure).toMatchObject({ kind: "refused" });
    });

    /** A worker whose step sleeps, and the process that waits for the worker's end. */
    async function doomedWorker(): Promise<{ readonly worker: ChildProcess; readonly waiter: number }> {
      const directory = mkdtempSync(join(tmpdir(), "sluice-container-"));
      const script = new URL("./container-child.ts", import.meta.url).pathname;
      const worker = spawn(process.execPath, [script, directory, JSON.stringify(engine), JSON.stringify(environment)], {
        stdio: "inherit",
      });
      onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
      await until(() => sleepers().length === 2);
      const [waiter] = processes((pid) => shells(pid) && parentOf(pid) === worker.pid);
      if (waiter === undefined) throw new Error("nothing waits for the worker's end");
      return { worker, waiter: Number(waiter) };
    }

    const noContainer = (): Promise<void> =>
      until(async () => (await ask(engine, ["ps", "--all", "--quiet"])).stdout === "");

    test("goes with its worker, and so does all that it started", { timeout: 60_000 }, async () => {
      const { worker, waiter } = await doomedWorker();
      // As whoever ends a service asks all of its processes to end.
      process.kill(waiter, "SIGTERM");
      worker.kill("SIGKILL");
      await until(() => sleepers().length === 0);
      expect(worker.signalCode).toBe("SIGKILL");
      await noContainer();
    });

    test("of which nothing was left to remove it goes when the next worker opens", { timeout: 60_000 }, async () => {
      const { worker, waiter } = await doomedWorker();
      const gone = new Promise((resolve) => worker.once("close", resolve));
      process.kill(waiter, "SIGKILL");
      worker.kill("SIGKILL");
      await gone;
      expect(sleepers()).toHaveLength(2);
      await open(tmpdir())[Symbol.asyncDispose]();
      await until(() => sleepers().length === 0);
      await noContainer();
    });
  });
}

function processes(are: (pid: string) => boolean): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && are(pid);
    } catch {
      return false;
    }
  });
}

const commandOf = (pid: string): string => readFileSync(`/proc/${pid}/cmdline`, "utf8");
const shells = (pid: string): boolean => commandOf(pid).startsWith("/bin/sh\u0000-c\u0000");
const parentOf = (pid: string): number =>
  Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);

function sleepers(): readonly string[] {
  return processes((pid) => commandOf(pid) === "sleep\u0000302\u0000");
}

describe.skipIf(typeof there === "string")("in a container of podman", () => {
  if (typeof there !== "string") inPodman(there);
});
