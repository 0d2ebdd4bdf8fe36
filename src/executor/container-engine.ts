import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** A container engine as its command line offers it. */
export interface Engine {
  readonly program: "podman" | "docker";
  /** Before every command, such as `--root`. */
  readonly arguments: readonly string[];
}

export interface Said {
  /** Null: ended by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const MOST = 1_000_000;

/** One command of an engine, to its end; `env` beside this process's own environment. */
export function ask(
  engine: Engine,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Said> {
  return new Promise((resolve) => {
    const child = spawn(engine.program, [...engine.arguments, ...args], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const said = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (said.stdout = `${said.stdout}${chunk.toString()}`.slice(-MOST)));
    child.stderr.on("data", (chunk: Buffer) => (said.stderr = `${said.stderr}${chunk.toString()}`.slice(-MOST)));
    child.on("error", (error) => resolve({ code: null, ...said, stderr: error.message }));
    child.on("close", (code) => resolve({ code, ...said }));
  });
}

/** Starts a container that was created, with its words in a log; ends with its exit code, null where there was none. */
export function follow(engine: Engine, name: string, log: string): Promise<number | null> {
  const file = openSync(log, "a", 0o600);
  const child = spawn(engine.program, [...engine.arguments, "start", "--attach", name], {
    // podman's monitor leaves a file named `oom` where it was started: the attempt's directory goes, a repository stays.
    cwd: dirname(log),
    stdio: ["ignore", file, file],
  });
  closeSync(file);
  return new Promise((resolve) => {
    child.on("error", () => resolve(null));
    child.on("close", (code) => resolve(code));
  });
}

/** A container that goes when it is told to, or when this process does. */
export interface Doomed {
  remove(): Promise<void>;
}

/**
 * Waits on a pipe that closes with this process, whatever becomes of it, and then removes the container with all in it.
 * Whoever asks all processes of a service to end asks this one too, which has yet to do what it is for.
 */
export function doomed(engine: Engine, name: string): Doomed {
  const remove = ["rm", "--force", "--volumes", name];
  const script = 'trap "" TERM HUP INT; read -r _; exec "$@" >/dev/null 2>&1';
  const child: ChildProcess = spawn("/bin/sh", ["-c", script, "sh", engine.program, ...engine.arguments, ...remove], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  child.stdin?.on("error", () => undefined);
  const gone = new Promise<number | null>((resolve) => {
    child.on("error", () => resolve(null));
    child.on("close", (code) => resolve(code));
  });
  return {
    async remove() {
      child.stdin?.end();
      if ((await gone) !== 0) await ask(engine, remove);
    },
  };
}

/** The engine that answers here, podman before docker; undefined where none does. */
export async function engineHere(args: readonly string[] = []): Promise<Engine | undefined> {
  for (const program of ["podman", "docker"] as const) {
    const engine = { program, arguments: args };
    if ((await ask(engine, ["info"])).code === 0) return engine;
  }
  return undefined;
}
