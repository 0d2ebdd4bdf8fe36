import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { onTestFinished } from "vitest";

const ROOT = join(import.meta.dirname, "..");
export const BIN = join(ROOT, "bin", "sluice");

/** Environment of a person without any git configuration of their own. */
export const ENV: NodeJS.ProcessEnv = {
  ...process.env,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.org",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.org",
  NO_COLOR: "1",
};

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A repository in a directory of its own, removed when the test ends. */
export interface Bench {
  readonly root: string;
  write(path: string, text: string): void;
  commit(message?: string): void;
  git(...args: string[]): string;
  sluice(...args: string[]): Promise<Answer>;
  /** A run that the test may kill. */
  start(...args: string[]): ChildProcess;
}

export function repository(files: Readonly<Record<string, string>> = {}): Bench {
  const root = mkdtempSync(join(tmpdir(), "sluice-test-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true, maxRetries: 3 }));
  const git = (...args: string[]): string => execFileSync("git", args, { cwd: root, env: ENV, encoding: "utf8" });
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  git("init", "-q", "-b", "main");
  for (const [path, text] of Object.entries(files)) write(path, text);
  return {
    root,
    write,
    git,
    commit(message = "change") {
      git("add", "-A");
      git("commit", "-q", "--allow-empty", "-m", message);
    },
    sluice: (...args) => sluiceIn(root, args),
    start: (...args) => spawn(BIN, args, { cwd: root, env: ENV, stdio: ["ignore", "pipe", "pipe"] }),
  };
}

/** A copy of `examples/<name>`, committed. */
export function example(name: string): Bench {
  const bench = repository();
  cpSync(join(ROOT, "examples", name), bench.root, { recursive: true });
  bench.commit("example");
  return bench;
}

export function sluiceIn(cwd: string, args: readonly string[], env = ENV): Promise<Answer> {
  return new Promise((resolve) => {
    execFile(BIN, args, { cwd, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** Runs recorded in the local ledger, newest first. */
export function recorded(bench: Bench): readonly string[] {
  try {
    return bench
      .git("log", "--grep=^Sluice-Manifest: ", "--format=%(trailers:key=Sluice-Run,valueonly)", "refs/sluice/local")
      .split("\n")
      .filter((line) => line !== "");
  } catch {
    return [];
  }
}
