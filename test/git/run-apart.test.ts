import { execFileSync } from "node:child_process";

import { expect, onTestFinished, test } from "vitest";

import { programsApart, type ProgramsApart } from "../../src/git/run-apart.ts";
import { runHere, type ProgramOrder } from "../../src/git/run-program.ts";
import { programPath } from "../../src/main/threads/programs.ts";

function apart(): ProgramsApart {
  const programs = programsApart(programPath("runner"));
  onTestFinished(() => programs[Symbol.dispose]());
  return programs;
}

function sh(script: string, rest: Partial<ProgramOrder> = {}): ProgramOrder {
  return { program: "/bin/sh", args: ["-c", script], cwd: "/", env: {}, ...rest };
}

/** The processes that run programs for this one, by their numbers. */
function runners(): readonly string[] {
  const listed = execFileSync("ps", ["-o", "pid=,args=", "--ppid", String(process.pid)], { encoding: "utf8" });
  return listed.split("\n").flatMap((line) => (line.includes("runner.ts") ? [line.trim().split(" ")[0] ?? ""] : []));
}

test.each([
  ["apart", () => apart().run],
  ["here", () => runHere],
])("a program that runs %s says what it would say anywhere", async (_, open) => {
  const run = open();
  const bytes = Uint8Array.from({ length: 1 << 20 }, (_, at) => at % 256);
  const [copied, told, failed] = await Promise.all([
    run(sh("cat", { input: bytes })),
    run(sh('echo "$0 $GREETING $PWD"; echo aside >&2; exit 3', { cwd: "/tmp", env: { GREETING: "hello" } })),
    run({ program: "/bin/nothing-of-that-name", args: [], cwd: "/", env: {} }).catch((error: unknown) => error),
  ]);

  expect(copied.code).toBe(0);
  expect(copied.stdout.equals(bytes)).toBe(true);
  expect(told).toMatchObject({ code: 3, stderr: "aside\n" });
  expect(told.stdout.toString()).toBe("/bin/sh hello /tmp\n");
  expect(failed).toMatchObject({ message: expect.stringContaining("ENOENT") as string });
  await expect(run(sh("kill -9 $$"))).rejects.toThrow();
  // A program that does not read what it is given is no mistake.
  expect(await run(sh("exit 0", { input: bytes }))).toMatchObject({ code: 0 });
});

test("the process apart has what Node needs to start, and nothing else of this process", async () => {
  const env = { HOME: "/root", LD_LIBRARY_PATH: "/opt/node/lib", NODE_ICU_DATA: "/opt/icu", TOKEN: "hunter2" };
  const programs = programsApart(programPath("runner"), env);
  onTestFinished(() => programs[Symbol.dispose]());
  const { stdout } = await programs.run(sh('tr "\\0" "\\n" < /proc/$PPID/environ'));
  const names = stdout
    .toString()
    .split("\n")
    .map((line) => line.split("=")[0]);
  expect(names).toEqual(expect.arrayContaining(["LD_LIBRARY_PATH", "NODE_ICU_DATA"]));
  expect(names).not.toContain("HOME");
  expect(stdout.toString()).not.toContain("hunter2");
});

test("programs run apart see no variable of this process", async () => {
  expect((await apart().run(sh("env"))).stdout.toString()).not.toContain("HOME=");
});

test("where the process apart is killed, what it ran is told as lost and the next program has a new one", async () => {
  const { run } = apart();
  const lost = run(sh("read -r line")).catch((error: unknown) => error);
  await run(sh("true"));
  const [first = ""] = runners();
  process.kill(Number(first), "SIGKILL");
  expect(await lost).toMatchObject({ message: "the process that runs programs ended (SIGKILL)" });

  expect((await run(sh("echo again"))).stdout.toString()).toBe("again\n");
  expect(runners()).not.toContain(first);
});

test("the process apart outlives what a terminal sends to all, and goes with the service", async () => {
  const programs = apart();
  await programs.run(sh("true"));
  const [pid = ""] = runners();
  process.kill(Number(pid), "SIGINT");
  process.kill(Number(pid), "SIGTERM");
  expect((await programs.run(sh("echo still"))).stdout.toString()).toBe("still\n");
  expect(runners()).toEqual([pid]);

  programs[Symbol.dispose]();
  await expect.poll(runners).toEqual([]);
  await expect(programs.run(sh("true"))).rejects.toThrow(/was closed/);
});
