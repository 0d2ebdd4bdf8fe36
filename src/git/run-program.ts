import { execFile } from "node:child_process";

export interface ProgramOrder {
  readonly program: string;
  readonly args: readonly string[];
  /** Absolute path of the directory in which it runs. */
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Its standard input. */
  readonly input?: Uint8Array | string;
}

export interface ProgramEnd {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a program to its end; one that cannot be started, is killed or says too much is an exception. */
export type RunProgram = (order: ProgramOrder) => Promise<ProgramEnd>;

const MAX_BUFFER = 1 << 30;

/** Runs it as a child of this process. */
export const runHere: RunProgram = ({ program, args, cwd, env, input }) =>
  new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      { cwd, env, encoding: "buffer", maxBuffer: MAX_BUFFER },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        if (typeof code !== "number") reject(error ?? new Error("it has no exit code"));
        else resolve({ code, stdout, stderr: stderr.toString("utf8") });
      },
    );
    if (input !== undefined) {
      child.stdin?.on("error", () => undefined);
      child.stdin?.end(input);
    }
  });
