import { spawnSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { BIN, ENV, repository, type Answer, type Bench } from "../sluice.ts";

const PIPELINE = "version: 1\nsteps:\n  make: { run: cp in.txt out, inputs: [in.txt], outputs: [out] }\n";
const OFF = "version: 1\nsandbox: off\n";

/** A mount namespace of its own, in which the repository lies on what `mount` makes of it. */
function within(bench: Bench, mount: string, ...commands: readonly string[]): Answer {
  const script = `${mount}; cd ${bench.root}; ${commands.join("; ")}`;
  const { status, stdout, stderr } = spawnSync("unshare", ["--mount", "--map-root-user", "bash", "-c", script], {
    env: ENV,
    encoding: "utf8",
  });
  return { code: status ?? -1, stdout, stderr };
}

const mounts =
  spawnSync("unshare", ["--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;
if (!mounts) process.stdout.write("skipped: this machine lets nobody mount\n");

test.skipIf(!mounts)(
  "where nothing can be written, what was recorded is still told, and nothing is called a bug",
  async () => {
    const bench = repository({ "sluice.yaml": OFF, "pipelines/p.yaml": PIPELINE, "in.txt": "x" });
    bench.commit();
    await bench.sluice("run");
    const writing = ["run --force make", "reproduce latest", "gc", "cache rebuild"];
    const asked = ["plan", "run", "log", "show latest", "status", "explain make", "verify", "doctor", "init"];

    const { stdout, stderr } = within(
      bench,
      `mount --bind ${bench.root} ${bench.root}; mount -o remount,ro,bind ${bench.root}`,
      ...asked.map((words) => `${BIN} ${words} >/dev/null; echo "${words} $?"`),
      ...writing.map((words) => `${BIN} ${words}; echo "${words} $?"`),
    );

    expect(stdout).toBe([...asked.map((words) => `${words} 0\n`), ...writing.map((words) => `${words} 77\n`)].join(""));
    expect(stderr).toMatch(/^sluice: .*run\.lock\S* may not be read or written here\n {2}next: `ls -ld /m);
    expect(stderr).not.toContain("bug of ours");
  },
);

test.skipIf(!mounts)("a full disk is told as one, before a run, in a step and behind it", () => {
  const bench = repository();
  const files = `git init -q -b main; mkdir pipelines; echo 'version: 1' > sluice.yaml; echo x > in.txt; printf '${PIPELINE.replaceAll("\n", "\\n")}' > pipelines/p.yaml; git add -A; git commit -qm c`;

  const { stdout, stderr } = within(
    bench,
    `mount -t tmpfs -o size=2m none ${bench.root}`,
    files,
    "head -c 9000000 /dev/zero > filler",
    `${BIN} run; echo "full $?"`,
    "rm filler",
    `${BIN} run >/dev/null; echo "room $?"; ${BIN} verify >/dev/null; echo "sound $?"`,
    "sed -i 's/cp in.txt out,/cp in.txt out; head -c 9000000 \\/dev\\/zero > out,/' pipelines/p.yaml",
    `${BIN} run; echo "filled $?"; ${BIN} show latest`,
  );

  expect(stdout).toContain("full 75\nroom 0\nsound 0\n");
  expect(stdout).toMatch(/filled 1\n[^]*✗ make +the disk is full, and nothing more could be written where it worked/);
  expect(stderr).toMatch(/^sluice: the disk is full: .* could not be written\n {2}next: make room/m);
  expect(stderr).not.toContain("bug of ours");
});

test("a place of PATH that cannot be looked at hides nothing behind it", () => {
  const bench = repository({ "sluice.yaml": OFF, "pipelines/p.yaml": PIPELINE, "in.txt": "x" });
  bench.commit();
  const loop = join(bench.root, ".git", "loop");
  symlinkSync("loop", loop);
  const env = { ...ENV, PATH: `${loop}:${ENV["PATH"] ?? ""}` };

  const { status, stderr } = spawnSync(BIN, ["plan"], { cwd: bench.root, env, encoding: "utf8" });

  expect([status, stderr]).toEqual([0, ""]);
});
