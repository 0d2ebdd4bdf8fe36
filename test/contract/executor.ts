import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import type { Attempt, AttemptEnd, AttemptOrder, Executor } from "../../src/executor/executor.ts";
import { digestOf } from "../../src/identity/identity.ts";

/** What an attempt left behind. */
interface Seen {
  readonly end: AttemptEnd;
  readonly log: string;
  readonly undeclared: readonly string[];
  readonly read: (path: string) => string | undefined;
}

interface Bench {
  readonly directory: string;
  readonly executor: Executor;
  readonly run: (order: Partial<AttemptOrder> & { readonly script?: string }) => Promise<Seen>;
}

let attempts = 0;

/** Seconds that no other process sleeps: suites run beside each other. */
const NAP = 1_000_000 + process.pid;

function orderOf(more: Partial<AttemptOrder> & { readonly script?: string }): AttemptOrder {
  const { script = "true", ...rest } = more;
  return {
    id: `attempt-${++attempts}`,
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
    ...rest,
  };
}

/** What every adapter of the executor port keeps; `open` gives one with at least two slots, and fewer than twelve, in a directory of its own. */
export function executorContract(
  open: (directory: string) => Executor | Promise<Executor>,
  where: Partial<AttemptOrder> = {},
): void {
  async function bench(): Promise<Bench> {
    const directory = mkdtempSync(join(tmpdir(), "sluice-exec-"));
    const executor = await open(directory);
    onTestFinished(async () => {
      await executor[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    });
    return {
      directory,
      executor,
      async run(order) {
        const attempt = await executor.start(orderOf({ ...where, ...order }), new AbortController().signal);
        try {
          return await seen(attempt);
        } finally {
          await attempt.dispose();
        }
      },
    };
  }

  async function seen(attempt: Attempt): Promise<Seen> {
    const end = await attempt.ended;
    const read = (path: string): string | undefined => {
      const at = join(attempt.workspace, path);
      return existsSync(at) ? readFileSync(at, "utf8") : undefined;
    };
    const found = { result: read("out/result.txt") };
    return {
      end,
      log: existsSync(attempt.log) ? readFileSync(attempt.log, "utf8") : "",
      undeclared: await attempt.undeclared(),
      read: (path) => (path === "out/result.txt" ? found.result : read(path)),
    };
  }

  describe("an attempt", () => {
    test("ends with its exit code, or with the signal that ended it", async () => {
      const { run } = await bench();
      expect((await run({ script: "true" })).end).toMatchObject({ failure: null, cancelled: false });
      expect((await run({ script: "exit 7" })).end.failure).toEqual({ kind: "exit", code: 7 });
      expect((await run({ script: "kill -KILL $$" })).end.failure).toEqual({ kind: "signal", signal: "SIGKILL" });
      expect((await run({ argv: ["no-such-program"] })).end.failure).toMatchObject({ kind: "refused" });
    });

    test("finds its inputs, the parents of its outputs, and a clean environment", async () => {
      const { run } = await bench();
      const bytes = new TextEncoder().encode("given");
      const script = 'cat in/a.txt > out/result.txt; env | sort; echo "$HOME:$TMPDIR"; ls "$HOME" "$TMPDIR"';
      const { end, log, read, undeclared } = await run({
        script,
        env: { MINE: "yes" },
        inputs: [{ kind: "bytes", path: "in/a.txt", bytes, executable: false }],
      });
      expect([end.failure, read("out/result.txt"), undeclared]).toEqual([null, "given", []]);
      for (const line of ["MINE=yes", "LC_ALL=C.UTF-8", "TZ=UTC", "PYTHONHASHSEED=0", "SOURCE_DATE_EPOCH=315532800"])
        expect(log).toContain(line);
      expect(log).not.toContain("VITEST");
    });

    test("gets its arguments and variables byte for byte", async () => {
      const { run } = await bench();
      const hostile = `a b'c"d$(e)\\n\n\t*;&|<>é日本 --x`;
      const { log } = await run({
        argv: ["/bin/sh", "-c", 'printf "%s|%s" "$1" "$V"', "sh", hostile],
        env: { V: hostile },
      });
      expect(log).toBe(`${hostile}|${hostile}`);
    });

    test("that writes what it did not declare, or changes an input, is found out", async () => {
      const { run } = await bench();
      const input = { kind: "bytes" as const, path: "in.txt", bytes: new TextEncoder().encode("x"), executable: false };
      const { undeclared } = await run({
        script: "echo y > stray.txt; echo longer > in.txt; echo z > out/result.txt",
        inputs: [input],
      });
      expect(undeclared).toEqual(["in.txt", "stray.txt"]);
      expect((await run({ script: "ls -A . out" })).log).toBe(".:\nout\n\nout:\n");
    });

    test("that takes too long ends with everything it started, also what left its session", async () => {
      const { run } = await bench();
      const script = `setsid sh -c 'sleep ${NAP}' & sh -c 'trap "" TERM; sleep ${NAP}' & echo started; wait`;
      const { end, log } = await run({ script, timeoutMs: 300 });
      expect(end.failure).toEqual({ kind: "timeout", limitMs: 300 });
      expect(log).toContain("started");
      expect(sleepers()).toEqual([]);
    });

    test("that is cancelled ends so, with everything it started", async () => {
      const { executor } = await bench();
      const controller = new AbortController();
      const attempt = await executor.start(
        orderOf({ ...where, script: `setsid sleep ${NAP} & sleep ${NAP}` }),
        controller.signal,
      );
      controller.abort();
      expect(await attempt.ended).toMatchObject({ cancelled: true });
      await attempt.dispose();
      expect(sleepers()).toEqual([]);
    });

    test("leaves nothing to the next one, and says what it cost and how that was measured", async () => {
      const { run } = await bench();
      const { end } = await run({
        script: 'echo a > "$HOME/a"; echo b > "$TMPDIR/b"; head -c 20000000 /dev/zero | tail -c 1 > out/result.txt',
      });
      expect(end.profile.wallMs).toBeGreaterThanOrEqual(0);
      if (end.profile.method === "none") expect(end.profile.cpuUserMs).toBeNull();
      else expect(end.profile.cpuUserMs).toBeGreaterThanOrEqual(0);
      expect((await run({ script: 'ls -A "$HOME" "$TMPDIR"' })).log).not.toMatch(/^[ab]$/m);
    });

    test("whose input has gone from the store is lost, not run", async () => {
      const { run } = await bench();
      const input = { kind: "store" as const, path: "in.txt", entry: "file" as const, digest: digestOf("gone") };
      expect((await run({ inputs: [input], script: "echo ran" })).end.failure).toMatchObject({ kind: "lost" });
    });

    test("that reads what it was not given fails where isolation is enforced", async () => {
      const { run, directory, executor } = await bench();
      writeFileSync(join(directory, "secret.txt"), "not declared");
      const { end } = await run({ script: `cat ${join(directory, "secret.txt")}` });
      expect(end.failure === null).toBe(executor.isolation === "workspace");
    });

    test("that puts something else where its log was shows nobody a file of the machine, and harms none", async () => {
      const { run, directory } = await bench();
      const secret = join(directory, "secret.txt");
      writeFileSync(secret, "not declared");
      const log = "/sluice/logs/step.log";
      for (const instead of [`ln -s ${secret} ${log}`, `mkfifo ${log}`, `mkdir ${log}`]) {
        const seen = await run({ script: `rm -f ${log}; ${instead} 2>&1; exit 3` });
        expect(seen.end.failure).toEqual({ kind: "exit", code: 3 });
        expect(seen.log).not.toContain("not declared");
        expect((await run({ script: "echo next" })).log).toBe("next\n");
      }
      expect(readFileSync(secret, "utf8")).toBe("not declared");
    });

    test("many at once each end once, with their own words", async () => {
      const { run } = await bench();
      const all = await Promise.all(Array.from({ length: 12 }, (_, at) => run({ script: `echo ${at}` })));
      expect(all.map(({ log }) => log.trim())).toEqual(Array.from({ length: 12 }, (_, at) => String(at)));
    });
  });
}

/** Sleeps that a step of this suite left behind. */
function sleepers(): readonly string[] {
  const { readdirSync } = process.getBuiltinModule("node:fs");
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      return command === `sleep ${NAP}` ? [`${pid} ${command}`] : [];
    } catch {
      return [];
    }
  });
}
