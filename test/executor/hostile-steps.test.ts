import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

const CHILD = new URL("./hostile-child.ts", import.meta.url).pathname;
const NOBODY = 65_534;

interface Said {
  readonly failure: unknown;
  readonly log: string | null;
  readonly undeclared: readonly string[];
}

/** What steps ended with that had one slot after the other, by a worker that is not root and so can be locked out. */
function ran(
  sandbox: "off" | "require",
  scripts: readonly string[],
): { readonly said: readonly Said[]; left: string[] } {
  const directory = mkdtempSync(join(tmpdir(), "sluice-hostile-"));
  onTestFinished(() => void spawnSync("rm", ["-rf", directory]));
  chmodSync(directory, 0o777);
  const root = process.getuid?.() === 0;
  const child = spawnSync(process.execPath, [CHILD, directory, sandbox, JSON.stringify(scripts)], {
    encoding: "utf8",
    timeout: 60_000,
    env: { PATH: "/usr/bin:/bin", HOME: directory },
    ...(root ? { uid: NOBODY, gid: NOBODY } : {}),
  });
  expect(child.stderr).toBe("");
  expect(child.status).toBe(0);
  return { said: JSON.parse(child.stdout) as Said[], left: readdirSync(join(directory, "work")) };
}

/** Deeper than a path may be long. */
const DEEP = `bash -c 'n=$(printf %0240d 0); for i in {1..20}; do mkdir $n && cd $n || exit; done'`;
const NEXT = { failure: null, log: "next\n", undeclared: [] };

const works = spawnSync("bwrap", ["--ro-bind", "/", "/", "true"]).status === 0;
if (!works) process.stdout.write("skipped: bubblewrap is not installed or may not start here\n");

describe.skipIf(!works)("a step in a closed sandbox", () => {
  const log = "/sluice/logs/step.log";
  test.each([
    ["takes away the rights of where its log is", "chmod 0 /sluice/logs"],
    ["takes away the rights of its log", `chmod 0 ${log}`],
    ["makes its log a directory without rights", `rm ${log}; mkdir ${log}; mkdir ${log}/in; chmod 0 ${log}/in ${log}`],
    ["makes its log a directory too deep to be named", `rm ${log}; mkdir ${log}; cd ${log}; ${DEEP}`],
    ["leaves something beside its log", "echo mine > /sluice/logs/more; chmod 0 /sluice/logs/more"],
  ])("that %s keeps its slot no longer than itself", (_, script) => {
    const { said, left } = ran("require", [`${script}; exit 3`, "ls /sluice/logs | grep -v step.log; echo next"]);
    expect(said[0]?.failure).toEqual({ kind: "exit", code: 3 });
    expect(said[1]).toEqual(NEXT);
    expect(left).toEqual([]);
  });
});

describe.each(works ? (["off", "require"] as const) : (["off"] as const))("a step with sandbox %s", (sandbox) => {
  test.each([
    ["takes away the rights of its workspace", "chmod 0 .", []],
    ["takes away the rights of a directory", "mkdir made; echo x > made/x; chmod 0 made", ["made/x"]],
    ["leaves a directory too deep to be named", `mkdir made; cd made; ${DEEP}`, ["made/000000000000000"]],
  ])("that %s is told so, and its slot is the next one's", (_, script, undeclared) => {
    const { said, left } = ran(sandbox, [script, "ls -A; echo next"]);
    expect(said).toEqual([
      { failure: null, log: "", undeclared },
      { ...NEXT, log: "out\nnext\n" },
    ]);
    expect(left).toEqual([]);
  });
});
