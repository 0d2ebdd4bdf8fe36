import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

import { onTestFinished } from "vitest";

import type { Backend } from "./queue.ts";

/** `queue-child.ts` in a mode, gone when the test ends; `says` waits for its next line. */
export function child(
  backend: Pick<Backend, "url" | "data">,
  mode: string,
  name: string,
): { says(): Promise<string | undefined>; kill(): void } {
  const script = new URL("./queue-child.ts", import.meta.url).pathname;
  const process_ = spawn(process.execPath, [script, backend.url, backend.data, mode, name], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(async () => {
    if (process_.exitCode !== null || process_.signalCode !== null) return;
    process_.kill("SIGKILL");
    await once(process_, "exit");
  });
  const lines = createInterface(process_.stdout)[Symbol.asyncIterator]();
  return {
    async says() {
      const line = await lines.next();
      return line.done === true ? undefined : line.value;
    },
    kill: () => process_.kill("SIGKILL"),
  };
}
