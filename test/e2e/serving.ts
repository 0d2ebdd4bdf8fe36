import { spawn, type ChildProcess } from "node:child_process";

import type { Twin } from "../../src/twin/twin.ts";
import { BIN } from "../sluice.ts";

export interface Serving {
  readonly process: ChildProcess;
  readonly url: string;
  readonly ended: Promise<number | null>;
}

/** `sluice serve` as an operator starts it: a process of its own that knows nothing but its environment. */
export function serve(twin: Twin, data: string): Promise<Serving> {
  const process_ = spawn(BIN, ["serve"], {
    env: {
      PATH: process.env["PATH"],
      HOME: data,
      APP_ID: String(twin.app.id),
      PRIVATE_KEY: twin.app.privateKey,
      WEBHOOK_SECRET: twin.app.secret,
      GHE_PROTOCOL: "http",
      GHE_HOST: new URL(twin.url).host,
      HOST: "127.0.0.1",
      PORT: "0",
      LOG_LEVEL: "error",
      SLUICE_DATA: data,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise<number | null>((resolve) => process_.on("exit", resolve));
  return new Promise((resolve, reject) => {
    let said = "";
    process_.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      const url = /serves at (http\S+),/.exec(said)?.[1];
      if (url !== undefined) resolve({ process: process_, url, ended });
    });
    void ended.then((code) => reject(new Error(`serve ended with ${String(code)}: ${said}`)));
  });
}
