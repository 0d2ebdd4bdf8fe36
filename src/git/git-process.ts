import { runHere, type ProgramEnd, type RunProgram } from "./run-program.ts";

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
  attempt(args: readonly string[], input?: Uint8Array | string): Promise<ProgramEnd>;
}

/**
 * Settings of every call: no daemon is started, no path is quoted, no hook runs for what a person did not do, and
 * nobody's repository is tidied behind their back.
 */
export const SETTINGS = ["quotePath=false", "fsmonitor=false", "hooksPath=/dev/null"]
  .flatMap((setting) => ["-c", `core.${setting}`])
  .concat("-c", "gc.auto=0");

export function gitProcess(
  directory: string,
  program: string,
  { extra = {}, run = runHere }: { readonly extra?: NodeJS.ProcessEnv; readonly run?: RunProgram } = {},
): GitProcess {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_") || KEPT.test(name));
  const env: NodeJS.ProcessEnv = {
    ...Object.fromEntries(kept),
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
    ...extra,
  };
  const attempt: GitProcess["attempt"] = async (args, input) => {
    const order = { program, args: [...SETTINGS, ...args], cwd: directory, env, ...(input !== undefined && { input }) };
    try {
      return await run(order);
    } catch (error) {
      throw new Error(`running git ${args[0] ?? ""}`, { cause: error });
    }
  };
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
