import { execFile } from "node:child_process";

const MAX_BUFFER = 1 << 30;

/** What a person set up to reach a remote, and configuration given by environment; all else of GIT_* stays outside. */
const KEPT = /^GIT_(CONFIG_.+|ASKPASS|SSH|SSH_COMMAND|SSH_VARIANT|SSL_.+|HTTP_.+|PROXY_.+)$/;

/** Runs git in one repository with nothing of the caller's git environment (a hook sets GIT_DIR and GIT_INDEX_FILE). */
export interface GitProcess {
  /** Where git runs: the root of the work tree. */
  readonly directory: string;
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
  run(args: readonly string[], input?: Uint8Array | string): Promise<Buffer>;
  /** Exit code and output where a refusal is an answer. */
  attempt(args: readonly string[], input?: Uint8Array | string): Promise<Answer>;
}

interface Answer {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/**
 * Settings of every call: no daemon is started, no path is quoted, no hook runs for what a person did not do, and
 * nobody's repository is tidied behind their back.
 */
export const SETTINGS = ["quotePath=false", "fsmonitor=false", "hooksPath=/dev/null"]
  .flatMap((setting) => ["-c", `core.${setting}`])
  .concat("-c", "gc.auto=0");

export function gitProcess(directory: string, program: string, extra: NodeJS.ProcessEnv = {}): GitProcess {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_") || KEPT.test(name));
  const env: NodeJS.ProcessEnv = {
    ...Object.fromEntries(kept),
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
    ...extra,
  };
  const attempt: GitProcess["attempt"] = (args, input) =>
    new Promise((resolve, reject) => {
      const child = execFile(
        program,
        [...SETTINGS, ...args],
        { cwd: directory, env, encoding: "buffer", maxBuffer: MAX_BUFFER },
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
    env,
    attempt,
    async run(args, input) {
      const { code, stdout, stderr } = await attempt(args, input);
      if (code === 0) return stdout;
      throw new Error(`git ${args.slice(0, 2).join(" ")} in ${directory}: ${stderr.trim() || `exit code ${code}`}`);
    },
  };
}
