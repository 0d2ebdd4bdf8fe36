import { fork, type ChildProcess } from "node:child_process";

import type { ProgramEnd, ProgramOrder, RunProgram } from "./run-program.ts";

/** What goes to the process apart, and what comes back. */
export type OrderApart = ProgramOrder & { readonly id: number };
export type EndApart = { readonly id: number } & (ProgramEnd | { readonly error: string });

export interface ProgramsApart extends Disposable {
  readonly run: RunProgram;
}

/** Where its libraries are, and its data of languages. */
const TO_START = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "NODE_ICU_DATA"];

interface Waiting {
  readonly resolve: (end: ProgramEnd) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Runs programs as children of a small process, which is started with the first of them and anew where it was killed. To
 * fork copies a process's tables of pages: from a service of some hundred megabytes each program costs tens of
 * milliseconds in which nobody is answered.
 */
export function programsApart(path: string, env: NodeJS.ProcessEnv = process.env): ProgramsApart {
  const waiting = new Map<number, Waiting>();
  let child: ChildProcess | undefined;
  let orders = 0;
  let closed = false;

  /** A service that is about to leave is held by what it waits for, and by nothing else. */
  function hold(): void {
    if (waiting.size > 0) child?.channel?.ref();
    else child?.channel?.unref();
  }

  function start(): ChildProcess {
    const started = fork(path, {
      serialization: "advanced",
      execArgv: ["--disable-warning=ExperimentalWarning"],
      // What this process holds in its variables is nobody else's, but for what Node itself may not start without.
      env: Object.fromEntries(TO_START.flatMap((name) => (name in env ? [[name, env[name]]] : []))),
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    started.unref();
    const gone = (why: string): void => {
      if (child !== started) return;
      child = undefined;
      for (const { reject } of waiting.values()) reject(new Error(`the process that runs programs ${why}`));
      waiting.clear();
    };
    started.on("error", (error) => gone(`cannot be reached: ${error.message}`));
    started.on("exit", (code, signal) => gone(`ended (${signal ?? `exit code ${code ?? 0}`})`));
    started.on("message", (message) => {
      const end = message as EndApart;
      const asked = waiting.get(end.id);
      waiting.delete(end.id);
      hold();
      if ("error" in end) asked?.reject(new Error(end.error));
      else asked?.resolve({ code: end.code, stdout: Buffer.from(end.stdout), stderr: end.stderr });
    });
    return started;
  }

  return {
    run(order) {
      if (closed) return Promise.reject(new Error("the process that runs programs was closed"));
      return new Promise((resolve, reject) => {
        child ??= start();
        const id = orders++;
        waiting.set(id, { resolve, reject });
        hold();
        child.send({ ...order, id } satisfies OrderApart, (error) => {
          if (error === null || !waiting.delete(id)) return;
          reject(new Error("the process that runs programs takes no order", { cause: error }));
        });
      });
    },
    [Symbol.dispose]() {
      closed = true;
      if (child?.connected === true) child.disconnect();
    },
  };
}
