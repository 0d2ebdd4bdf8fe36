import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import type { ForgeAnswer, ForgeOrder } from "./forge-orders.ts";

type Answer<Kind extends ForgeAnswer["kind"]> = Extract<ForgeAnswer, { kind: Kind }>;

/** The forge's process as its driver sees it. */
export interface ForgeClient extends AsyncDisposable {
  readonly started: Answer<"started">;
  /** Throws unless the answer is of that kind. */
  ask<Kind extends ForgeAnswer["kind"]>(order: ForgeOrder, kind: Kind): Promise<Answer<Kind>>;
}

export async function startForge(directory: string): Promise<ForgeClient> {
  const child = fork(join(import.meta.dirname, "forge-process.ts"), [directory], {
    execPath: process.execPath,
    execArgv: [],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const waiting = new Map<number, (answer: ForgeAnswer) => void>();
  let last = 0;
  const answerOf = (id: number): Promise<ForgeAnswer> => new Promise((resolve) => waiting.set(id, resolve));
  const first = answerOf(last);
  child.on("message", (message) => {
    const { id, answer } = message as { readonly id: number; readonly answer: ForgeAnswer };
    waiting.get(id)?.(answer);
    waiting.delete(id);
  });
  return {
    started: expected(await first, "started"),
    async ask(order, kind) {
      const id = ++last;
      const answer = answerOf(id);
      child.send({ id, order });
      return expected(await answer, kind);
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

function expected<Kind extends ForgeAnswer["kind"]>(answer: ForgeAnswer, kind: Kind): Answer<Kind> {
  if (answer.kind === kind) return answer as Answer<Kind>;
  throw new Error(`the forge was to answer ${kind}: ${JSON.stringify(answer)}`);
}
