import { execFile } from "node:child_process";

const MAX_BUFFER = 1 << 30;

/** Runs git in one repository with nothing of the caller's git environment (a hook sets GIT_DIR). */
export interface GitProcess {
  readonly directory: string;
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
  run(args: readonly string[], input?: Uint8Array | string): Promise<Buffer>;
  /** Exit code and output where a refusal is an answer. */
  attempt(
    args: readonly string[],
    input?: Uint8Array | string,
  ): Promise<{ readonly code: number; readonly stdout: Buffer; readonly stderr: string }>;
}

/** `program` is the absolute path of the git binary. */
export function gitProcess(directory: string, program: string): GitProcess {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        !name.startsWith("GIT_") ||
        name === "GIT_SSH" ||
        name === "GIT_SSH_COMMAND" ||
        name === "GIT_SSL_CAINFO" ||
        name.startsWith("GIT_CONFIG"),
    ),
  );
  const full: NodeJS.ProcessEnv = { ...env, LC_ALL: "C", GIT_TERMINAL_PROMPT: "0", GIT_OPTIONAL_LOCKS: "0" };
  const base = ["-c", "core.quotePath=false", "-c", "core.fsmonitor=false", "-c", "gc.auto=0"];
  const attempt: GitProcess["attempt"] = (args, input) =>
    new Promise((resolve, reject) => {
      const child = execFile(
        program,
        [...base, ...args],
        { cwd: directory, env: full, encoding: "buffer", maxBuffer: MAX_BUFFER },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : error.code;
          if (typeof code !== "number") reject(new Error(`running git ${args[0] ?? ""}`, { cause: error }));
          else resolve({ code, stdout, stderr: stderr.toString("utf8") });
        },
      );
      if (input !== undefined) {
        child.stdin?.on("error", () => undefined);
        child.stdin?.end(input);
      }
    });
  return {
    directory,
    program,
    env: full,
    attempt,
    async run(args, input) {
      const { code, stdout, stderr } = await attempt(args, input);
      if (code !== 0)
        throw new Error(`git ${args.slice(0, 2).join(" ")} in ${directory}: ${stderr.trim() || `exit code ${code}`}`);
      return stdout;
    },
  };
}
